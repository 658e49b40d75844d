import { registry } from "@web/core/registry";
import { ConsentChoices } from "./consent_choices";

/** Shows the editor what visitors will see, or why they won't see anything, for what the form makes now. */
export class ConsentChoicesEdit extends ConsentChoices {
    isEdited = true;

    start() {
        super.start();
        const form = this.el.closest("form");
        if (form) {
            const observer = new MutationObserver(() => this.refresh());
            observer.observe(form, { attributes: true, attributeFilter: ["data-model_name"] });
            this.registerCleanup(() => observer.disconnect());
        }
    }

    async refresh() {
        this.choices = await this.waitFor(this.fetchChoices());
        this.protectSyncAfterAsync(() => this.showChoices())();
    }
}

registry.category("public.interactions.edit").add("gdpr_consent.consent_choices", {
    Interaction: ConsentChoicesEdit,
});
