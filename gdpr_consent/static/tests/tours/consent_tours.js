import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

// The back office's part of the way from the settings to a consent and back. Each tour starts on a card, a contact or a
// lead alike; between them the person acts on pages that carry no scripts.

const TAB = ".tab-pane.active";

const openTab = () => [
    {
        content: "Open the Data Privacy tab",
        trigger: ".o_notebook .nav-link[name=gdpr_privacy]",
        run: "click",
    },
];

const seeState = (state) => [
    {
        content: `The tab and the head of the card show ${state}`,
        trigger: `${TAB} .o_field_badge[name=gdpr_consent_state]:contains(${state})`,
    },
    { trigger: `[name=gdpr_badge] .o_field_badge:contains(${state})` },
];

const see = (content, trigger) => [{ content, trigger: `${TAB} ${trigger}` }];

const dontSee = (content, selector) => [{ content, trigger: `${TAB}:not(:has(${selector}))` }];

const seeEvent = (text) => see(`The history tells: ${text}`, `[name=gdpr_event_ids] .o_data_row:contains(${text})`);

const press = (label) => [
    { content: `Press ${label}`, trigger: `${TAB} button:contains(${label})`, run: "click" },
];

const chooseBasis = (basis) => [
    {
        content: "Open the choice of legal bases",
        trigger: `${TAB} .o_field_widget[name=gdpr_legal_basis] input`,
        run: "click",
    },
    {
        content: `Choose ${basis}`,
        trigger: `.o_select_menu_item:contains(${basis})`,
        run: "click",
    },
];

const askAgain = () => [
    ...press("Send again"),
    { content: "Send", trigger: ".modal button.o_mail_send", run: "click" },
    { trigger: "body:not(:has(.modal))" },
    ...seeState("Waiting"),
];

const recordWithdrawal = (note) => [
    ...press("Record withdrawal"),
    { trigger: ".modal .o_field_widget[name=note] textarea", run: `edit ${note}` },
    { trigger: ".modal footer button:contains(Record withdrawal)", run: "click" },
    { trigger: "body:not(:has(.modal))" },
    ...seeState("Withdrawn"),
];

const tours = registry.category("web_tour.tours");

tours.add("gdpr_consent_switch_on", {
    steps: () => [
        {
            content: "Open the settings of Data Privacy",
            trigger: ".settings_tab .tab[data-key=gdpr_consent]",
            run: "click",
        },
        {
            content: "While it is off there is nothing else to set",
            trigger: ".app_settings_block:not(:has(#gdpr_scopes)) #gdpr_enabled input:not(:checked)",
            run: "check",
        },
        { trigger: "#gdpr_scopes .o_field_widget[name=gdpr_scope_contact] input:not(:checked)", run: "check" },
        { trigger: "#gdpr_scopes .o_field_widget[name=gdpr_scope_lead] input:not(:checked)", run: "check" },
        { content: "Vendors are a kind of their own", trigger: "#gdpr_scopes [name=gdpr_scope_vendor] input" },
        {
            content: "Save",
            trigger: ".o_form_button_save",
            run: "click",
            expectUnloadPage: true,
        },
        { trigger: ".o_navbar" },
    ],
});

tours.add("gdpr_consent_set_basis", {
    steps: () => [
        ...openTab(),
        ...see("Nothing applies by itself", "[name=gdpr_not_applicable]:contains(Choose a legal basis)"),
        ...["Contract", "Legal obligation", "Vital interests", "Public interest"].flatMap((basis) => [
            ...chooseBasis(basis),
            ...stepUtils.saveForm(),
            ...seeEvent(`Legal basis set: ${basis}`),
            ...dontSee("There is nothing to ask", "button:contains(Send consent form)"),
        ]),
        ...chooseBasis("Legitimate interests"),
        { content: "Try to save without a reason", trigger: ".o_form_button_save:enabled", run: "click" },
        ...see("The reason is missing", ".o_field_invalid[name=gdpr_legal_basis_reason]"),
        {
            trigger: `${TAB} [name=gdpr_legal_basis_reason] textarea`,
            run: "edit Customer for years, a few messages a year, each with a way to object.",
        },
        ...stepUtils.saveForm(),
        ...seeEvent("Legal basis set: Legitimate interests"),
        ...chooseBasis("Consent"),
        ...stepUtils.saveForm(),
        ...seeState("Pending"),
        ...see("The tab says what to do next", ":contains(hasn't been asked yet)"),
    ],
});

tours.add("gdpr_consent_ask", {
    steps: () => [
        ...openTab(),
        ...seeState("Pending"),
        ...see("A salesperson doesn't change the basis", "[name=gdpr_legal_basis].o_readonly_modifier:contains(Consent)"),
        ...press("Send consent form"),
        {
            content: "The composer shows whom the message goes to",
            trigger: ".modal .o_field_widget[name=gdpr_recipient]:contains(@example.com)",
        },
        {
            content: "Wait until Odoo has read the templates, the user's and the others': its list opens before as well, and fails",
            trigger: ".modal .mail-composer-template-dropdown-btn",
            async run() {
                const isReading = ({ name }) => name.includes("/mail.template/search_read");
                while (performance.getEntriesByType("resource").filter(isReading).length < 2) {
                    await new Promise((resolve) => setTimeout(resolve, 50));
                }
            },
        },
        {
            content: "Open the templates",
            trigger: ".modal .mail-composer-template-dropdown-btn",
            run: "click",
        },
        {
            content: "Choose another template",
            trigger: ".mail-composer-template-dropdown .o-dropdown-item:contains(A short question)",
            run: "click",
        },
        { trigger: ".modal .odoo-editor-editable:contains(Tell us what you prefer)" },
        { content: "Send", trigger: ".modal button.o_mail_send", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        ...seeState("Waiting"),
        ...see("The date of sending", "[name=gdpr_next_step] p:contains(Waiting for an answer since) [name=gdpr_requested_on]:contains(:)"),
        ...seeEvent("Consent asked"),
        ...see("The request can be sent again", "button:contains(Send again)"),
    ],
});

tours.add("gdpr_consent_obtained", {
    steps: () => [
        ...openTab(),
        ...seeState("Obtained"),
        ...see("The purpose", "[name=gdpr_purpose_ids]:contains(News and offers)"),
        ...see("One channel", "[name=gdpr_channel_ids]:contains(E-mail)"),
        ...see("The other channel, and no third", "[name=gdpr_channel_ids]:contains(Phone):not(:contains(Post))"),
        ...see("The person's own words", "[name=gdpr_consent_note]:contains(Only in the afternoon)"),
        ...see("When", "[name=gdpr_consent_on]:contains(:)"),
        ...see("How", "[name=gdpr_consent_source]:contains(E-mail link)"),
        ...see("Until when", "[name=gdpr_consent_expires_on]:contains(:)"),
        ...dontSee("All of it can only be read", "textarea, input"),
        ...seeEvent("Consent given: News and offers"),
        {
            content: "The wording is one click away",
            trigger: `${TAB} .o_data_row:contains(Consent given) button:contains(Wording)`,
            run: "click",
        },
        { trigger: ".modal .o_field_widget[name=preview]:contains(May we stay in touch)" },
        { content: "Back to the card", trigger: ".modal .btn-close", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        ...recordWithdrawal("Said so on the phone."),
        ...see("The person's words", "[name=gdpr_consent_note]:contains(Said so on the phone)"),
        ...seeEvent("Consent withdrawn"),
        ...press("Record consent"),
        { trigger: ".modal [name=source] .o_radio_item:contains(In a meeting) input", run: "click" },
        { trigger: ".modal [name=purpose_ids] .o-checkbox:contains(News and offers) input", run: "check" },
        { trigger: ".modal [name=channel_ids] .o-checkbox:contains(Post) input", run: "check" },
        { content: "The wording to read out", trigger: ".modal .o_field_widget[name=wording]:contains(May we stay in touch)" },
        { content: "Try without evidence", trigger: ".modal footer button:contains(Record)", run: "click" },
        { trigger: ".modal .o_field_invalid[name=evidence]" },
        { trigger: ".modal .o_field_widget[name=evidence] textarea", run: "edit At our stand; noted in the minutes." },
        { trigger: ".modal .o_field_widget[name=note] textarea", run: "edit Catalogues are welcome." },
        { trigger: ".modal footer button:contains(Record)", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        ...seeState("Obtained"),
        ...see("How", "[name=gdpr_consent_source]:contains(Meeting)"),
        ...see("The channel said", "[name=gdpr_channel_ids]:contains(Post)"),
        ...see("The person's words", "[name=gdpr_consent_note]:contains(Catalogues are welcome)"),
        ...recordWithdrawal("No more catalogues."),
        ...askAgain(),
    ],
});

tours.add("gdpr_consent_refused", {
    steps: () => [
        ...openTab(),
        ...seeState("Refused"),
        ...see("What that means", ":contains(Don't contact this person)"),
        ...see("The person's words", "[name=gdpr_consent_note]:contains(No, thank you)"),
        ...seeEvent("Consent refused"),
        ...askAgain(),
    ],
});

tours.add("gdpr_consent_in_portal", {
    url: "/my/privacy",
    steps: () => [
        {
            content: "What is on record",
            trigger: ".o_gdpr_record:contains(you took your consent back)",
        },
        { trigger: "input[name=purpose][value=marketing]:not(:checked)", run: "check" },
        { trigger: "input[name=channel][value=email]:not(:checked)", run: "check" },
        { trigger: "textarea[name=note]", run: "edit Yes, again." },
        { trigger: "button[name=answer][value=save]", run: "click", expectUnloadPage: true },
        { trigger: ".alert-success:contains(on record)" },
        { trigger: ".o_gdpr_record:contains(you agreed)" },
    ],
});

tours.add("gdpr_consent_from_portal", {
    steps: () => [
        ...openTab(),
        ...seeState("Obtained"),
        ...see("How", "[name=gdpr_consent_source]:contains(Portal)"),
        ...see("The person's words", "[name=gdpr_consent_note]:contains(Yes, again)"),
        ...["Legal basis set: Consent", "Consent asked", "Consent refused"].flatMap(seeEvent),
        ...see("By the link in the mail", ".o_data_row:contains(Consent withdrawn):contains(E-mail link)"),
        ...see("By an operator", ".o_data_row:contains(Consent withdrawn):contains(Phone)"),
        ...see("The last act first", "[name=gdpr_event_ids] .o_data_row:first:contains(Consent given)"),
    ],
});
