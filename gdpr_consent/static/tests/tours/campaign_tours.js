import { registry } from "@web/core/registry";

// From the list of contacts to a campaign that runs.

registry.category("web_tour.tours").add("gdpr_consent_campaign", {
    steps: () => [
        { trigger: ".o_list_view thead .o_list_record_selector input", run: "check" },
        { trigger: ".o_cp_action_menus .dropdown-toggle:contains(Actions)", run: "click" },
        { trigger: ".o-dropdown--menu .o_menu_item:contains(Ask for consent)", run: "click" },
        { trigger: ".o_form_view .o_field_widget[name=domain] .o_domain_show_selection_button:contains(3)" },
        { trigger: ".o_field_widget[name=name] input", run: "edit Fair" },
        { trigger: ".o_statusbar_buttons button[name=action_check]:contains(Check who)", run: "click" },
        { trigger: "button[name=action_show_to_ask] .o_stat_value:contains(2)" },
        { trigger: "[name=summary]:contains(2 people will be asked)" },
        {
            content: "Who is left out, and why",
            trigger: "[name=exclusion_count_ids] .o_data_row:contains(No e-mail address):contains(1)",
        },
        { trigger: "[name=exclusion_count_ids] button[name=action_show_records]", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains(Without Address)" },
        { trigger: ".o_back_button, .breadcrumb-item a:contains(Fair)", run: "click" },
        {
            content: "All of the form is there again",
            trigger: ".o_form_view .o_domain_show_selection_button:contains(3)",
        },
        { trigger: ".o_statusbar_buttons button[name=action_start]:contains(Start)", run: "click" },
        { trigger: ".modal:contains(can't be undone) footer button.btn-primary", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { trigger: ".o_arrow_button_current:contains(Running)" },
        { trigger: ".o_statusbar_buttons button[name=action_pause]" },
    ],
});
