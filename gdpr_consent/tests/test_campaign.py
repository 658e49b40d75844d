from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .campaign_common import CampaignCase


@tagged("post_install", "-at_install")
class TestCampaign(CampaignCase):
    """Who is asked, what is shown, and what is refused."""

    def test_asks_all_chosen(self):
        campaign = self.start()
        self.assertEqual(campaign.state, "running")
        self.assertTrue(campaign.queued_on)
        requests = campaign.request_ids
        self.assertEqual(requests.mapped("res_id"), self.people.ids[::-1])
        self.assertEqual(set(requests.mapped("state")), {"queued"})
        request = requests[-1]
        self.assertEqual(
            (
                request.form_id,
                request.version_number,
                request.template_id,
                request.user_id,
                request.email,
                request.kind,
            ),
            (self.form, self.form.version_number, self.template, self.salesperson, "person0@example.com", "first"),
        )
        self.assertEqual(request.subject_id, self.people[0].gdpr_subject_id)
        self.assertEqual(request.lang, self.people[0].lang)
        self.assertEqual((campaign.total_count, campaign.queued_count, campaign.progress), (5, 5, 0))

    def test_counts(self):
        campaign = self.start()
        self.send(campaign.request_ids[:4])
        self.answer(campaign.request_ids[0], {self.marketing.id: ["email"]})
        self.answer(campaign.request_ids[1], {})
        campaign.request_ids[2].sudo()._mark_failed("No such mailbox")
        self.assertEqual(
            {
                name: campaign[name]
                for name in (
                    "total_count",
                    "queued_count",
                    "sent_count",
                    "failed_count",
                    "answered_count",
                    "accepted_count",
                    "refused_count",
                    "progress",
                )
            },
            {
                "total_count": 5,
                "queued_count": 1,
                "sent_count": 4,
                "failed_count": 1,
                "answered_count": 2,
                "accepted_count": 1,
                "refused_count": 1,
                "progress": 80,
            },
        )
        for name in ("total_count", "sent_count", "failed_count", "answered_count", "accepted_count", "refused_count"):
            action = campaign.with_context(gdpr_count=name).action_show_requests()
            self.assertEqual(self.env["gdpr.consent.request"].search_count(action["domain"]), campaign[name], name)

    def test_reminder_is_no_second_person(self):
        campaign = self.start(self.people[0])
        self.send(campaign.request_ids)
        campaign.request_ids.sudo()._remind()
        campaign.invalidate_recordset()
        self.assertEqual(campaign.request_ids.mapped("kind"), ["reminder", "first"])
        self.send(campaign.request_ids[0])
        self.answer(campaign.request_ids[0], {self.marketing.id: ["email"]})
        self.assertEqual((campaign.total_count, campaign.sent_count), (1, 1))
        self.assertEqual((campaign.answered_count, campaign.accepted_count), (1, 1))

    def test_outcome_of_what_was_said_elsewhere(self):
        campaign = self.start()
        self.send(campaign.request_ids)
        self.people[0].gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.people[1].gdpr_withdraw_consent()
        self.people[2].gdpr_record_objection()
        outcomes = {request.res_id: request.outcome for request in campaign.request_ids}
        self.assertEqual(
            [outcomes[person.id] for person in self.people], ["accepted", "refused", "refused", False, False]
        )
        self.assertEqual((campaign.answered_count, campaign.accepted_count, campaign.refused_count), (3, 1, 2))

    def test_says_who_is_left_out_and_why(self):
        company_b = self.env["res.company"].create({"name": "Company B"})
        partners = self.env["res.partner"]
        # Before anything is known of the person, else it is an objection.
        self.env["mail.blacklist"]._add("blacklisted@example.com")
        cards = {
            name: partners.create({"name": name, "email": f"{name}@example.com", **values})
            for name, values in {
                "not_consent": {},
                "restricted": {},
                "objected": {},
                "refused_lately": {},
                "archived": {},
                "no_email": {"email": False},
                "several_emails": {"email": "a@example.com, b@example.com"},
                "invalid_email": {"email": "nonsense"},
                "already_asked": {},
                "already_answered": {},
                "blacklisted": {},
                "first": {"email": "Shared@example.com"},
                "duplicate": {"email": "Somebody <shared@example.com>"},
                "person": {},
                "same_person": {},
                "foreign": {"company_id": company_b.id},
            }.items()
        }
        everybody = partners.union(*cards.values())
        everybody.gdpr_legal_basis = "consent"
        cards["not_consent"].gdpr_legal_basis = "contract"
        self.env["gdpr.subject"]._record_acts(
            [{"subject_id": cards["restricted"].gdpr_subject_id.id, "action": "restricted"}]
        )
        cards["objected"].gdpr_record_objection()
        self.env.company.gdpr_cooldown_months = 6
        cards["refused_lately"]._gdpr_ensure_subjects()._record_answer(self.form._get_version(), {}, source="portal")
        cards["archived"].active = False
        self.ask(cards["already_asked"])
        purposes = self.form._get_version()._get_purposes()
        cards["already_answered"]._gdpr_ensure_subjects()._record_answer(
            self.form._get_version(),
            {purpose.id: purpose.channel_ids.mapped("code")[:1] for purpose in purposes},
            source="portal",
        )
        cards["person"].gdpr_join(cards["same_person"], "Same phone")
        domain = repr([("id", "in", everybody.ids), ("active", "in", [True, False])])
        campaign = self.make(everybody, domain=domain)
        campaign.action_check()
        reasons = self.get_reasons(campaign)
        # Whoever is responsible doesn't even see the people of other companies.
        asked = {"first", "person"}
        self.assertEqual(
            {card.name: reason for card, reason in reasons.items()},
            {name: name for name in cards if name not in asked | {"foreign"}},
        )
        self.assertEqual((campaign.to_ask_count, campaign.excluded_count), (2, len(reasons)))
        self.assertIn("2 people will be asked", campaign.summary)
        self.assertFalse(campaign.request_ids)
        for count in campaign.exclusion_count_ids:
            action = count.action_show_records()
            shown = self.env[action["res_model"]].with_context(**action["context"]).search(action["domain"])
            self.assertEqual(shown.mapped("name"), [count.reason])
        action = campaign.action_show_to_ask()
        self.assertEqual(set(partners.with_context(active_test=False).search(action["domain"]).mapped("name")), asked)
        campaign.action_start()
        self.queue()
        self.assertEqual(self.get_reasons(campaign), reasons)
        self.assertEqual(campaign.total_count, 2)

    def test_uncovered_are_left_out(self):
        campaign = self.make()
        campaign.action_check()
        self.assertEqual(campaign.to_ask_count, 5)
        self.env["gdpr.scope"].create(
            {"name": "Person 3", "model": "res.partner", "domain": "[('name', '=', 'Person 3')]", "active": False}
        )
        campaign.action_check()
        self.assertEqual(self.get_reasons(campaign), {self.people[3]: "not_covered"})

    def test_a_change_forgets_the_check(self):
        campaign = self.make(self.people | self.env["res.partner"].create({"name": "Nobody"}))
        campaign.action_check()
        self.assertEqual((campaign.to_ask_count, campaign.excluded_count), (5, 1))
        campaign.domain = "[]"
        self.assertFalse(campaign.checked_on)
        self.assertEqual((campaign.to_ask_count, campaign.excluded_count), (0, 0))

    def test_leads(self):
        self.lead.user_id = self.salesperson
        campaign = self.start(self.lead)
        self.assertEqual(campaign.request_ids.email, "bruno.neri@example.com")
        self.assertEqual(campaign.template_id, self.lead_template)

    def test_chosen_words(self):
        form = self.form.copy({"name": "Other"})
        form.action_publish()
        template = self.template.copy({"name": "Other"})
        campaign = self.start(form_id=form.id, template_id=template.id)
        self.assertEqual((campaign.request_ids.form_id, campaign.request_ids.template_id), (form, template))
        action = campaign.request_ids[0].action_show_wording()
        self.assertEqual(self.env[action["res_model"]].browse(action["res_id"]).form_id, form)

    # ------------------------------------------------------------
    # FROM A LIST
    # ------------------------------------------------------------

    def test_from_a_selection(self):
        action = self.people.with_user(self.salesperson).action_gdpr_send_consent_request()
        form = Form(self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"]))
        campaign = form.save()
        self.assertEqual((campaign.model, campaign.state), ("res.partner", "draft"))
        self.assertEqual(campaign._get_records().search(campaign._get_domain()), self.people)

    def test_from_all_that_match(self):
        many = self.env["res.partner"].create([{"name": "One of many", "email": "x@example.com"} for _ in range(81)])
        domain = [("name", "=", "One of many")]
        action = many.with_context(active_domain=domain).action_gdpr_send_consent_request()
        self.assertEqual(action["context"]["default_domain"], repr(domain))
        # Not all that match were marked.
        action = many[:80].with_context(active_domain=domain).action_gdpr_send_consent_request()
        self.assertEqual(action["context"]["default_domain"], repr([("id", "in", many[:80].ids)]))
        # The web client hands over no more than this.
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", 81)
        domain = ["|", ("name", "=", "One of many"), ("id", "in", self.people.ids)]
        action = many.with_context(active_domain=domain).action_gdpr_send_consent_request()
        self.assertEqual(action["context"]["default_domain"], repr(domain))

    def test_one_record_opens_the_composer(self):
        action = self.people[0].with_user(self.salesperson).action_gdpr_send_consent_request()
        self.assertEqual(action["res_model"], "mail.compose.message")

    def test_actions_of_lists(self):
        leads = self.lead | self.lead.copy()
        leads.user_id = self.salesperson
        for name, cards in (("res_partner_action_campaign", self.people), ("crm_lead_action_campaign", leads)):
            action = self.env.ref(f"gdpr_consent.{name}").with_user(self.salesperson)
            context = {"active_model": cards._name, "active_ids": cards.ids, "active_id": cards.ids[0]}
            result = action.with_context(**context).run()
            self.assertEqual(result["context"]["default_model"], cards._name)

    # ------------------------------------------------------------
    # A TEST TO ONESELF
    # ------------------------------------------------------------

    def test_sends_a_test(self):
        campaign = self.make()
        events = self.env["gdpr.consent.event"].search_count([])
        with self.catch_mails():
            campaign.action_send_test()
            self.env.cr.postcommit.run()
        (mail,) = self._mails
        self.assertEqual(mail["email_to"], [self.salesperson.email_formatted])
        self.assertIn("Dear Person 0", mail["body"])
        self.assertIn("This is a test", mail["body"])
        self.assertIn(f"/gdpr/preview/version/{self.form._get_version('en_US').id}", mail["body"])
        self.assertNotIn("/gdpr/consent/", mail["body"])
        self.assertNotIn("/gdpr/preferences/", mail["body"])
        self.assertFalse(self._new_mails.gdpr_request_id)
        self.assertFalse(campaign.request_ids)
        self.assertEqual(self.env["gdpr.consent.event"].search_count([]), events)

    def test_test_needs_an_address_and_somebody(self):
        with self.assertRaisesRegex(UserError, "Nobody is chosen"):
            self.make(self.env["res.partner"]).action_send_test()
        self.salesperson.email = False
        with self.assertRaisesRegex(UserError, "no e-mail address"):
            self.make().action_send_test()

    # ------------------------------------------------------------
    # BAD INPUT
    # ------------------------------------------------------------

    def assertRefused(self, message, **values):
        with self.assertRaisesRegex((UserError, ValidationError), message), self.env.cr.savepoint():
            self.make(**values).action_start()

    def test_bad_input(self):
        self.assertRefused("not a valid filter", domain="nonsense(")
        self.assertRefused("not a valid filter", domain="[('no_such_field', '=', 1)]")
        self.assertRefused("not a valid filter", domain="{'a': 1}")
        self.assertRefused("no data privacy fields", model="res.country")
        self.assertRefused("no data privacy fields", model="nonsense")
        self.assertRefused("made for other records", template_id=self.lead_template.id)
        template = self.template.copy({"body_html": "<p>No link</p>"})
        self.assertRefused("no consent link", template_id=template.id)
        draft = self.env["gdpr.consent.form"].create({"name": "Draft", "title": "A question"})
        self.assertRefused("isn't published", form_id=draft.id)
        company_b = self.env["res.company"].create({"name": "Company B"})
        self.assertRefused("one of another company", form_id=self.form.copy({"company_id": company_b.id}).id)
        self.assertRefused("doesn't work for Company B", company_id=company_b.id, user=self.officer)

    def test_language_without_link(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.template.with_context(lang="it_IT").body_html = "<p>Senza collegamento</p>"
        self.assertRefused("no consent link in its text .Ital")

    def test_archived_form_and_template(self):
        form = self.form.copy({"name": "Other"})
        form.action_publish()
        template = self.template.copy({"name": "Other"})
        campaign = self.make(form_id=form.id, template_id=template.id)
        form.active = False
        with self.assertRaisesRegex(UserError, "form “Other” is archived"):
            campaign.action_start()
        form.active = True
        template.active = False
        with self.assertRaisesRegex(UserError, "template “Other.*” is archived"):
            campaign.action_start()
        template.active = True
        campaign.action_start()
        # What a running campaign asks with stays.
        for record, values in (
            (form, {"active": False}),
            (template, {"active": False}),
            (template, {"body_html": "<p>No link</p>"}),
        ):
            with self.assertRaisesRegex(ValidationError, "Campaign.*pause or cancel"), self.env.cr.savepoint():
                record.write(values)
        with self.assertRaisesRegex(UserError, "asks with it"), self.env.cr.savepoint():
            template.unlink()
        campaign.action_pause()
        form.active = False
        with self.assertRaisesRegex(UserError, "is archived"):
            campaign.action_start()

    def test_no_published_form(self):
        self.env["gdpr.consent.form"].search([]).active = False
        self.assertRefused("no published consent form")

    def test_switched_off(self):
        self.env["gdpr.scope"].search([("model", "=", "res.partner")]).active = False
        self.assertRefused("isn't switched on")

    def test_state_is_not_set_by_hand(self):
        campaign = self.make()
        for values in ({"state": "running"}, {"last_queued_id": 7}, {"to_ask_count": 3}):
            with self.assertRaises(AccessError):
                campaign.write(values)
        with self.assertRaises(AccessError):
            self.make(state="running")

    def test_started_campaign_is_fixed(self):
        campaign = self.start()
        for values in (
            {"domain": "[]"},
            {"model": "crm.lead"},
            {"form_id": False},
            {"template_id": False},
            {"scheduled_on": "2040-01-01"},
        ):
            with self.assertRaisesRegex(UserError, "can't be changed"):
                campaign.write(values)
        campaign.name = "Better name"
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            campaign.unlink()
        self.make().unlink()

    # ------------------------------------------------------------
    # ROLES AND COMPANIES
    # ------------------------------------------------------------

    def test_roles(self):
        with self.assertRaises(AccessError):
            self.make(user=self.employee)
        own = self.make()
        other = new_test_user(self.env, login="privacy_other", groups="gdpr_consent.group_user")
        for name in ("action_start", "action_pause", "action_cancel", "action_check", "action_send_test"):
            for user in (other, self.employee):
                with self.assertRaises(AccessError, msg=name):
                    getattr(own.with_user(user), name)()
        self.assertFalse(self.env["gdpr.consent.campaign"].with_user(other).search([("id", "=", own.id)]))
        own.with_user(self.officer).action_check()
        with self.assertRaises(AccessError):
            own.user_id = self.officer
        with self.assertRaises(AccessError):
            self.make(user_id=self.officer.id)

    def test_menu(self):
        menus = {
            name: self.env.ref(f"gdpr_consent.{name}").id
            for name in ("gdpr_consent_campaign_menu", "gdpr_consent_request_menu", "gdpr_consent_form_menu")
        }
        shown = {
            user: {
                name
                for name, menu_id in menus.items()
                if menu_id in self.env["ir.ui.menu"].with_user(user).load_menus(False)
            }
            for user in (self.employee, self.salesperson, self.officer, self.manager)
        }
        self.assertEqual(shown[self.employee], set())
        self.assertEqual(shown[self.salesperson], {"gdpr_consent_campaign_menu"})
        self.assertEqual(shown[self.officer], {"gdpr_consent_campaign_menu", "gdpr_consent_request_menu"})
        self.assertEqual(shown[self.manager], set(menus))

    def test_manager(self):
        campaign = self.start()
        campaign.with_user(self.manager).action_pause()
        campaign.with_user(self.manager).action_start()
        self.assertEqual(campaign.state, "running")

    def test_asks_only_whom_the_user_may_see(self):
        seller = new_test_user(self.env, login="privacy_seller", groups="sales_team.group_sale_salesman")
        foreign = self.lead.copy({"email_from": "foreign@example.com"})
        foreign.user_id = self.officer
        (foreign | self.lead).gdpr_legal_basis = "consent"
        self.lead.user_id = seller
        campaign = self.make(self.lead | foreign, user=seller)
        campaign.action_check()
        # The list is that of the count, whoever looks at it.
        action = campaign.with_user(self.officer).action_show_to_ask()
        self.assertEqual(self.env["crm.lead"].with_user(self.officer).search(action["domain"]), self.lead)
        self.assertEqual(campaign.to_ask_count, 1)
        campaign.action_start()
        self.queue()
        self.assertEqual(campaign.request_ids.mapped("res_id"), self.lead.ids)
        self.assertFalse(campaign.excluded_count)

    def test_companies(self):
        company_b = self.env["res.company"].create({"name": "Company B", "email": "b@example.com"})
        form = self.form.copy({"company_id": company_b.id})
        form.action_publish()
        self.officer.company_ids += company_b
        self.people[0].company_id = company_b
        self.people[1].company_id = self.env.company
        campaign = self.start(user=self.officer, company_id=company_b.id)
        self.assertEqual(sorted(campaign.request_ids.mapped("res_id")), (self.people - self.people[1]).ids)
        self.assertEqual(campaign.request_ids.company_id, company_b)
        self.assertEqual(campaign.request_ids.form_id, form)
        visible = self.env["gdpr.consent.campaign"].with_user(self.salesperson).search([])
        self.assertNotIn(campaign, visible)
