import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

// The person's own page in the portal, and what an officer and a salesperson see of a request. The pages behind a link
// carry no scripts, so a tour can't run on them.

const tours = registry.category("web_tour.tours");

const pressAndWait = (content, trigger) => [{ content, trigger, run: "click", expectUnloadPage: true }];

tours.add("gdpr_consent_portal_choices", {
    url: "/my",
    steps: () => [
        ...pressAndWait("Open the privacy card", ".o_portal_my_home a[href='/my/privacy']"),
        { trigger: "p:contains(Nothing is on record)" },
        { content: "Nothing is ticked", trigger: "form.o_gdpr_consent_form:not(:has(input:checked))" },
        { trigger: "#purpose_marketing", run: "check" },
        { trigger: "#channel_marketing_phone", run: "check" },
        ...pressAndWait("Save", "button[value=save]"),
        { trigger: ".o_gdpr_outcome:contains(News and offers):contains(you agreed, by Phone)" },
        { content: "The own choices are ticked", trigger: "#channel_marketing_phone:checked" },
        { trigger: "#channel_marketing_email:not(:checked)" },
        ...pressAndWait("All means all", "button[value=accept]"),
        { trigger: "#channel_marketing_email:checked" },
        { trigger: "#purpose_profiling:checked" },
        { content: "The words", trigger: ".o_gdpr_record details:first summary", run: "click" },
        { trigger: ".o_gdpr_record details[open] .o_gdpr_wording:contains(We tell you about our products)" },
        ...pressAndWait("Take one back", ".o_gdpr_record li:contains(News and offers) button[value=withdraw]"),
        { trigger: ".o_gdpr_outcome:contains(News and offers):contains(you took your consent back)" },
        { trigger: ".o_gdpr_record li:contains(Personal suggestions):contains(you agreed)" },
        ...pressAndWait("No marketing at all", "button[value=object]"),
        { trigger: ".o_gdpr_objection:contains(no marketing at all)" },
        { trigger: "body:not(:has(button[value=object]))" },
    ],
});

tours.add("gdpr_consent_portal_request", {
    url: "/my/privacy",
    steps: () => [
        ...pressAndWait("Forget to choose", "button[value=request]"),
        { trigger: "#gdpr_missing_type:contains(Please choose)" },
        { trigger: "#gdpr_type_erasure", run: "check" },
        { trigger: "#gdpr_request_note", run: "edit Everything, please." },
        ...pressAndWait("Send", "button[value=request]"),
        { trigger: "h1:contains(Do you want us to delete your data?)" },
        ...pressAndWait("Confirm", "button[name=confirmed][value=yes]"),
        { trigger: ".o_gdpr_outcome:contains(We have your request)" },
        { trigger: ".o_gdpr_requests:contains(DSR/):contains(Delete my data)" },
    ],
});

tours.add("gdpr_consent_request_from_card", {
    steps: () => [
        { trigger: ".o_notebook .nav-link[name=gdpr_privacy]", run: "click" },
        { trigger: "button[name=action_gdpr_new_request]", run: "click" },
        { trigger: ".modal [name=type] .o_radio_item:contains(Access) input", run: "click" },
        { trigger: ".modal [name=note] textarea", run: "edit Called us this morning." },
        { trigger: ".modal footer button:contains(Record request)", run: "click" },
        { trigger: ".o_notification:contains(The privacy officer has the request: DSR/)" },
        { trigger: "body:not(:has(.modal))" },
        { trigger: "[name=gdpr_event_ids] .o_data_row:contains(Request about the data)" },
    ],
});

tours.add("gdpr_consent_request_erased", {
    url: "/odoo/privacy-requests",
    steps: () => [
        { trigger: ".o_data_row:contains(Erasure) .o_data_cell[name=name]", run: "click" },
        { content: "The person's words", trigger: "[name=note]:contains(Everything, please.)" },
        { trigger: "button[name=action_start]", run: "click" },
        { trigger: ".o_arrow_button_current:contains(In Progress)" },
        { trigger: "button[name=action_plan]", run: "click" },
        { content: "Nothing is erased by a plan", trigger: "button[name=action_approve]" },
        { trigger: ".o_notebook .nav-link[name=erasure_plan]", run: "click" },
        { content: "What happens to what", trigger: "[name=plan_line_ids] .o_data_row:contains(Contact)" },
        { trigger: "button[name=action_approve]", run: "click" },
        {
            content: "What else the person has asked is named first",
            trigger: ".modal:contains(There is a warning on this plan) footer button.btn-primary",
            run: "click",
        },
        { trigger: "button[name=action_execute]", run: "click" },
        { trigger: ".modal:contains(be brought back) footer button.btn-primary", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { content: "There is time to stop it", trigger: "button[name=action_hold_erasure]" },
    ],
});
