import { Plugin } from "@html_editor/plugin";
import { registry } from "@web/core/registry";

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

registry.category("website-plugins").add(ConsentChoicesPlugin.id, ConsentChoicesPlugin);
