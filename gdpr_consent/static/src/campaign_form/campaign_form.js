import { onMounted, onWillUnmount, useSubEnv } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

// How often the numbers are read anew: while messages leave, and while answers come or a start is waited for.
const SECONDS = { running: 3, paused: 15, scheduled: 15, done: 15 };

/** The numbers of a campaign follow by themselves. */
class CampaignFormController extends FormController {
    setup() {
        super.setup();
        const { onClickViewButton } = this.env;
        useSubEnv({
            onClickViewButton: async (params) =>
                onClickViewButton({ ...params, clickParams: await this.sayHowMany(params.clickParams) }),
        });
        let timer;
        let seconds = 0;
        onMounted(() => {
            timer = browser.setInterval(() => {
                seconds += 1;
                if (seconds >= SECONDS[this.model.root.data.state]) {
                    seconds = 0;
                    this.refresh();
                }
            }, 1000);
        });
        onWillUnmount(() => browser.clearInterval(timer));
    }

    /** Before people are asked, the question says how many the check has found. */
    async sayHowMany(clickParams) {
        const { data } = this.model.root;
        const isKnown = clickParams.name === "action_start" && clickParams.confirm && data.checked_on;
        // A change that isn't saved yet makes the check void.
        if (!isKnown || (await this.model.root.isDirty())) {
            return clickParams;
        }
        return { ...clickParams, confirm: `${data.summary}\n\n${clickParams.confirm}` };
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

registry.category("views").add("gdpr_consent_campaign_form", {
    ...formView,
    Controller: CampaignFormController,
});
