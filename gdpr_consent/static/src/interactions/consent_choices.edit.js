import { registry } from "@web/core/registry";
import { ConsentChoices } from "./consent_choices";

/** Shows the editor what visitors will see, or why they won't see anything. */
export class ConsentChoicesEdit extends ConsentChoices {
    isEdited = true;
}

registry.category("public.interactions.edit").add("gdpr_consent.consent_choices", {
    Interaction: ConsentChoicesEdit,
});
