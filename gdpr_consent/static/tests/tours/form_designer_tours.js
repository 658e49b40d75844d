import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

// The administrator's way from an empty form to its second version. Between the tours the preview is looked at.

const openPage = (name) => [
    { content: `Open the page ${name}`, trigger: `.o_notebook .nav-link[name=${name}]`, run: "click" },
];

const addTag = (field, text) => [
    { trigger: `.o_field_widget[name=${field}] input`, run: `edit ${text}` },
    {
        content: `Choose ${text}`,
        trigger: `.o_field_widget[name=${field}] .dropdown-item:contains(${text})`,
        run: "click",
    },
];

const write = (field, text) => [
    {
        content: `Write the ${field}`,
        trigger: `.o_field_widget[name=${field}] .odoo-editor-editable`,
        run: `editor ${text}`,
    },
];

const publish = () => [
    { trigger: ".o_statusbar_buttons button[name=action_review_publication]", run: "click" },
];

const tours = registry.category("web_tour.tours");

tours.add("gdpr_consent_form_make", {
    url: "/odoo/privacy-forms",
    steps: () => [
        { trigger: ".o_list_button_add", run: "click" },
        { trigger: ".alert-info:contains(never published)" },
        { trigger: ".o_field_widget[name=name] input", run: "edit Fair" },
        { trigger: ".o_field_widget[name=title] input", run: "edit Shall we keep in touch?" },
        ...stepUtils.saveForm(),
        ...publish(),
        {
            content: "Publishing says what is missing, all of it",
            trigger:
                ".o_error_dialog:contains(an introduction):contains(at least one purpose):contains(a privacy text)",
        },
        { trigger: ".o_error_dialog button:contains(Close)", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        ...addTag("purpose_ids", "News and offers"),
        { trigger: "[name=channel_ids] .o-checkbox:contains(E-mail) input", run: "check" },
        ...write("introduction", "We met at the fair."),
        ...openPage("privacy_text"),
        { trigger: ".o_field_widget[name=notice_url] input", run: "edit /privacy" },
        ...openPage("buttons"),
        { trigger: ".o_field_widget[name=accept_label] input", run: "edit Yes to all" },
        ...openPage("thanks"),
        ...write("thanks", "See you next year."),
        ...stepUtils.saveForm(),
    ],
});

tours.add("gdpr_consent_form_publish", {
    steps: () => [
        ...publish(),
        { trigger: ".modal .alert-info:contains(first publication)" },
        { trigger: ".modal footer button[name=action_publish]", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        {
            content: "What is in force can't be published again",
            trigger: ".o_form_statusbar:not(:has(button[name=action_review_publication]))",
        },
        ...openPage("versions"),
        { trigger: "[name=version_ids] .o_data_row:contains(English) [name=number]:contains(1)" },
    ],
});

tours.add("gdpr_consent_form_change", {
    steps: () => [
        { trigger: ".o_field_widget[name=title] input", run: "edit Shall we stay in touch?" },
        ...stepUtils.saveForm(),
        { trigger: ".alert-warning:contains(changed since version 1)" },
        ...publish(),
        { trigger: ".modal del:contains(keep)" },
        { trigger: ".modal ins:contains(stay)" },
        {
            content: "One consent was given to the first version",
            trigger: ".modal [name=consent_count]:contains(1)",
        },
        { trigger: ".modal [name=material] input", run: "check" },
        { trigger: ".modal footer button[name=action_publish]", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        ...openPage("versions"),
        {
            content: "The version says that it is a material change",
            trigger: "[name=version_ids] .o_data_row:contains(2) [name=is_material] input:checked",
        },
    ],
});
