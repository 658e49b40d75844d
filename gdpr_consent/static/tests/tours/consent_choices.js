import {
    changeOptionInPopover,
    clickOnSave,
    registerWebsitePreviewTour,
} from "@website/js/tours/tour_utils";

// Somebody who edits the web site puts the consent choices into a contact form.
registerWebsitePreviewTour("gdpr_consent_choices_in_editor", { url: "/get-in-touch", edition: true }, () => [
    {
        content: "Drag the block into the form",
        trigger:
            ".o_block_tab:not(.o_we_ongoing_insertion) #snippet_content .o_snippet[name='Consent Choices'].o_draggable .o_snippet_thumbnail",
        run: "drag_and_drop :iframe .s_website_form_field:has([name=email_from])",
    },
    {
        content: "The editor sees what visitors will see",
        trigger: ":iframe form .s_gdpr_consent_choices:contains('News and offers')",
    },
    ...clickOnSave(),
    {
        trigger: ":iframe body:not(.editor_enable) form .s_gdpr_consent_choices:contains('News and offers')",
    },
]);

// The block sits in a form that makes no record; the form is then given another action.
registerWebsitePreviewTour("gdpr_consent_choices_other_action", { url: "/get-in-touch", edition: true }, () => [
    {
        content: "The editor is told why there is nothing to see",
        trigger: ":iframe form .s_gdpr_consent_choices:contains('Choose another action')",
    },
    { content: "Choose the form", trigger: ":iframe form .s_website_form_field", run: "click" },
    ...changeOptionInPopover("Form", "Action", "Create an Opportunity"),
    {
        content: "The choices are shown at once, below the new fields",
        trigger:
            ":iframe form .s_website_form_field ~ .s_gdpr_consent_choices:contains('News and offers')",
    },
    {
        trigger: ":iframe form .s_gdpr_consent_choices + .s_website_form_submit",
    },
    ...clickOnSave(),
    {
        trigger:
            ":iframe body:not(.editor_enable) form .s_gdpr_consent_choices:contains('News and offers')",
    },
]);
