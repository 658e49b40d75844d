import { Plugin } from "@html_editor/plugin";
import { registry } from "@web/core/registry";
import { patch } from "@web/core/utils/patch";
import { SelectAction } from "@website/builder/plugins/form/form_option_plugin";

/** Lets the block with the consent choices be placed among the fields of a form, and nowhere else. */
export class ConsentChoicesPlugin extends Plugin {
    static id = "gdprConsentChoices";
    resources = {
        dropzone_selector: {
            selector: ".s_gdpr_consent_choices",
            dropNear: ".s_website_form_field, .s_website_form_submit",
            dropLockWithin: "form",
        },
    };
}

/** Another action replaces the fields of a form, and so leaves the block above the new ones. */
patch(SelectAction.prototype, {
    apply({ editingElement: el }) {
        super.apply(...arguments);
        const submit = el.querySelector(".s_website_form_submit");
        for (const block of submit ? el.querySelectorAll(".s_gdpr_consent_choices") : []) {
            submit.before(block);
        }
    },
});

registry.category("website-plugins").add(ConsentChoicesPlugin.id, ConsentChoicesPlugin);
