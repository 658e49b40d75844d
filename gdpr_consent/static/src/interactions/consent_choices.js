import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Fills the block of the web site's forms with the consent form in force: the words must be those that are published,
 * whatever was when the page was made.
 */
export class ConsentChoices extends Interaction {
    static selector = ".s_gdpr_consent_choices";

    isEdited = false;

    async willStart() {
        this.choices = await this.waitFor(this.fetchChoices());
    }

    start() {
        this.showChoices();
    }

    /** Give the choices as HTML; empty when there are none. */
    async fetchChoices() {
        const form = this.el.closest("form");
        const request = rpc(
            "/gdpr/choices",
            {
                model: form?.dataset.model_name || "",
                lang: document.documentElement.lang.replace("-", "_"),
                is_edited: this.isEdited,
            },
            { silent: true }
        );
        // Whatever goes wrong, the form can be sent: without consent.
        return request.catch(() => "");
    }

    showChoices() {
        this.content?.remove();
        if (!this.choices) {
            return;
        }
        this.content = document.createElement("div");
        // Rendered by the server from texts that it has sanitised.
        this.content.innerHTML = this.choices;
        this.insert(this.content);
    }
}

registry.category("public.interactions").add("gdpr_consent.consent_choices", ConsentChoices);
