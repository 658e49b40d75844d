import { onMounted, onWillUnmount } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

const SECONDS = 3;

/** While a campaign runs, its numbers follow. */
class CampaignFormController extends FormController {
    setup() {
        super.setup();
        let timer;
        onMounted(() => {
            timer = browser.setInterval(() => this.refresh(), SECONDS * 1000);
        });
        onWillUnmount(() => browser.clearInterval(timer));
    }

    async refresh() {
        const record = this.model.root;
        if (record.data.state !== "running" || document.hidden || this.refreshing) {
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

registry.category("views").add("gdpr_consent_campaign_form", {
    ...formView,
    Controller: CampaignFormController,
});
