import { onMounted, onWillUnmount } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { FormController } from "@web/views/form/form_controller";

/** A form of what goes on in the background: it is read anew by itself while there is something to wait for. */
export class FollowingFormController extends FormController {
    setup() {
        super.setup();
        let timer;
        let seconds = 0;
        onMounted(() => {
            timer = browser.setInterval(() => {
                seconds += 1;
                if (seconds >= this.getSeconds(this.model.root.data)) {
                    seconds = 0;
                    this.refresh();
                }
            }, 1000);
        });
        onWillUnmount(() => browser.clearInterval(timer));
    }

    /** Give how often a record is read anew, in seconds; undefined where there is nothing to wait for. */
    getSeconds() {
        return undefined;
    }

    async refresh() {
        const record = this.model.root;
        if (document.hidden || this.refreshing) {
            return;
        }
        this.refreshing = true;
        try {
            if (!(await record.isDirty())) {
                await record.load();
            }
        } finally {
            this.refreshing = false;
        }
    }
}
