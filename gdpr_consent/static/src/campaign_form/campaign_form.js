import { useSubEnv } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { formView } from "@web/views/form/form_view";
import { FollowingFormController } from "../following_form/following_form";

// How often the numbers are read anew: while messages leave, and while answers come or a start is waited for.
const SECONDS = { running: 3, paused: 15, scheduled: 15, done: 15 };

/** The numbers of a campaign follow by themselves. */
class CampaignFormController extends FollowingFormController {
    setup() {
        super.setup();
        const { onClickViewButton } = this.env;
        useSubEnv({
            onClickViewButton: async (params) =>
                onClickViewButton({ ...params, clickParams: await this.sayHowMany(params.clickParams) }),
        });
    }

    getSeconds({ state }) {
        return SECONDS[state];
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
}

registry.category("views").add("gdpr_consent_campaign_form", {
    ...formView,
    Controller: CampaignFormController,
});
