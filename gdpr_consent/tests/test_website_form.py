from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .website_form_common import WebsiteFormCase

CONTROLLER = "odoo.addons.gdpr_consent.controllers.website_form"


@tagged("post_install", "-at_install")
class TestWebsiteForm(WebsiteFormCase):
    """What visitors tick in a form of the web site is declared, with its wording, and counts once confirmed."""

    def test_ticked(self):
        self.send_form(["marketing", "marketing.email"])
        lead = self.sent
        self.assertEqual(lead.gdpr_legal_basis, "consent")
        self.assertEqual(lead.gdpr_purpose_ids, self.marketing.browse())
        self.assertEqual(self.get_history(lead), ["basis_changed", "declared", "asked"])
        declared = lead.gdpr_event_ids.filtered(lambda event: event.action == "declared")
        self.assertEqual((declared.source, declared.actor, declared.channel_codes), ("website", "system", "email"))
        self.assertEqual(declared.version_id, self.form._get_version("en_US"))
        self.assertEqual(len(self._mails), 1)
        token = self.find_token(self._mails[0]["body"], "consent")
        self.submit(f"/gdpr/consent/{token}", [("answer", "confirm")])
        self.assertEqual(self.get_given(lead), {"marketing": {"email"}})
        self.assertEqual(lead.gdpr_consent_source, "website")
        self.assertLedgerSound()

    def test_who_asked(self):
        """The system asks, the salesperson learns of the answer."""
        self.send_form(["marketing", "marketing.email"], user_id=self.salesperson.id)
        asked = self.sent.gdpr_event_ids.filtered(lambda event: event.action == "asked")
        self.assertEqual(asked.actor, "system")
        self.assertEqual(asked.request_id.user_id, self.sent.user_id)

    def test_nothing_ticked(self):
        self.send_form()
        self.assertFalse(self.sent.gdpr_subject_id)
        self.assertEqual(self.sent.gdpr_legal_basis, "not_applicable")
        self.assertFalse(self._mails)

    def test_no_noise(self):
        self.send_form(["marketing", "marketing.email"], favourite_colour="Blue")
        self.assertNotIn("gdpr", self.sent.description)
        self.assertIn("Blue", self.sent.description)
        self.assertIn("Do you deliver?", self.sent.description)

    def test_can_be_mended(self):
        """A purpose without a way of contact, and the reverse: the visitor is told, and no lead is made."""
        leads = self.env["crm.lead"].search_count([])
        for ticked in (["marketing"], ["marketing.email"]):
            answer = self.send_form(ticked)
            self.assertIn("News and offers", answer["error"])
        self.assertEqual(self.env["crm.lead"].search_count([]), leads)

    @mute_logger(CONTROLLER)
    def test_forged(self):
        """What was never offered records nothing, and never stops the form."""
        other_company = self.env["res.company"].create({"name": "Other"})
        other_form = self.form.copy({"company_id": other_company.id, "website_id": False})
        other_form.action_publish()
        other_site = self.form.copy({"website_id": self.env["website"].create({"name": "Second"}).id})
        other_site.action_publish()
        unknown = self.env["gdpr.consent.form.version"].search([], order="id desc", limit=1).id + 1000
        for name, ticked, options in (
            ("unknown purpose", ["gambling", "gambling.email"], {}),
            ("purpose that isn't on the form", ["profiling", "profiling.email"], {}),
            ("another company's wording", ["marketing", "marketing.email"], {"version": other_form._get_version()}),
            ("another web site's wording", ["marketing", "marketing.email"], {"version": other_site._get_version()}),
            ("unknown wording", ["marketing", "marketing.email"], {"version": unknown}),
            ("no version", ["marketing", "marketing.email"], {"version": ""}),
            ("nonsense", ["marketing", "marketing.email"], {"version": "1 OR 1=1"}),
            ("far too big", ["marketing", "marketing.email"], {"version": "9" * 40}),
            ("no address", ["marketing", "marketing.email"], {"email": None}),
            ("wrong address", ["marketing", "marketing.email"], {"email": "nobody"}),
            ("two addresses", ["marketing", "marketing.email"], {"email": "a@example.com, b@example.com"}),
        ):
            with self.subTest(name):
                answer = self.send_form(ticked, **options)
                self.assertIn("id", answer)
                self.assertFalse(self.sent.gdpr_subject_id)
                self.assertFalse(self._mails)

    def test_forged_among_good(self):
        with self.assertLogs(CONTROLLER, "WARNING"):
            self.send_form(["marketing", "marketing.email", "marketing.pigeon", "gambling"])
        declared = self.sent.gdpr_event_ids.filtered(lambda event: event.action == "declared")
        self.assertEqual((declared.purpose_id, declared.channel_codes), (self.marketing, "email"))

    def test_something_breaks(self):
        """Whatever goes wrong with the consent, the lead is saved."""
        subjects = self.registry["gdpr.subject"]
        with (
            patch.object(subjects, "_record_acts", side_effect=KeyError("broken")),
            self.assertLogs(CONTROLLER, "ERROR"),
        ):
            self.send_form(["marketing", "marketing.email"])
        self.assertTrue(self.sent.exists())
        self.assertFalse(self.sent.gdpr_subject_id)

    @mute_logger(CONTROLLER)
    def test_other_basis(self):
        """A lead that comes with another basis keeps it; the staff reads that something was ticked."""
        self.website.company_id.gdpr_default_legal_basis = "contract"
        self.send_form(["marketing", "marketing.email"])
        self.assertEqual(self.sent.gdpr_legal_basis, "contract")
        self.assertEqual(self.get_history(self.sent), ["basis_changed"])
        self.assertIn("weren't recorded", " ".join(self.sent.message_ids.mapped("body")).replace("&#39;", "'"))

    @mute_logger(CONTROLLER)
    def test_flood(self):
        """Nobody's mailbox is flooded through the form."""
        for _time in range(5):
            self.send_form(["marketing", "marketing.email"], email="flooded@example.com")
            self.assertTrue(self.sent.exists())
        requests = self.env["gdpr.consent.request"].search([("email", "=", "flooded@example.com")])
        self.assertEqual(len(requests), 3)

    def test_without_confirmation(self):
        company = self.website.company_id
        company.write({"gdpr_confirm_website": False, "gdpr_confirm_exemption_reason": "Behind a login"})
        self.send_form(["marketing", "marketing.phone"])
        self.assertEqual(self.get_given(self.sent), {"marketing": {"phone"}})
        self.assertEqual(self.get_last_values(self.sent)["exemption"], "Behind a login")
        self.assertFalse(self._mails)

    @mute_logger(CONTROLLER)
    def test_outdated_wording(self):
        """A page that was open while what people agree to has changed: the confirmation shows the new words."""
        shown = self.form._get_version("en_US")
        self.marketing.description = "We tell you about our products, and those of others."
        self.form.action_publish(material=True)
        self.send_form(["marketing", "marketing.email"], version=shown)
        token = self.find_token(self._mails[0]["body"], "consent")
        self.assertIn("and those of others", self.open_consent(token).text)
        company = self.website.company_id
        company.write({"gdpr_confirm_website": False, "gdpr_confirm_exemption_reason": "Behind a login"})
        self.send_form(["marketing", "marketing.email"], version=shown)
        self.assertFalse(self.sent.gdpr_purpose_ids)

    def test_not_covered(self):
        self.env.ref("gdpr_consent.scope_lead").active = False
        self.assertEqual(self.get_choices(), "")
        self.send_form(["marketing", "marketing.email"])
        self.assertFalse(self.sent.sudo().gdpr_subject_id)

    def test_switched_off(self):
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        self.assertEqual(self.get_choices(), "")
        self.send_form(["marketing", "marketing.email"])
        self.assertFalse(self.sent.sudo().gdpr_subject_id)

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_other_models(self):
        """A form that makes no record of a person shows no choices and ignores them."""
        self.assertEqual(self.get_choices(model="mail.mail"), "")
        values = {"email_to": "info@example.com", "email_from": "gaia@example.com", "subject": "Hello"}
        with self.catch_mails():
            answer = self.url_open(
                "/website/form/mail.mail",
                data={
                    **values,
                    "gdpr_consent.marketing": "yes",
                    "gdpr_consent_version": self.form._get_version().id,
                    "website_form_signature": "x",
                },
            )
        self.assertNotIn("gdpr_consent", "".join(mail["body"] for mail in self._mails))
        self.assertNotEqual(answer.status_code, 500)

    def test_new_records_are_not_asked_twice(self):
        """The visitor who has ticked something isn't asked by the setting for new records too."""
        scope = self.env.ref("gdpr_consent.scope_lead")
        scope.write({"ask_new": True, "ask_new_since": "2020-01-01 00:00:00"})
        self.send_form(["marketing", "marketing.email"])
        rows = self.env["gdpr.new.record"].search([("res_model", "=", "crm.lead"), ("res_id", "=", self.sent.id)])
        self.assertTrue(rows)
        rows.created_on = "2026-01-01 00:00:00"
        rows._ask()
        self.assertEqual(len(self.sent.gdpr_subject_id.request_ids), 1)
        self.assertFalse(rows.exists())


@tagged("post_install", "-at_install")
class TestConsentChoices(WebsiteFormCase):
    """What the block shows."""

    def test_wording(self):
        choices = self.get_choices()
        self.assertIn("News and offers", choices)
        self.assertIn(f'value="{self.form._get_version("en_US").id}"', choices)
        self.assertNotIn("checked", choices)
        self.marketing.name = "Something new"
        self.assertNotIn("Something new", self.get_choices(), "What isn't published isn't shown.")

    def test_in_italian(self):
        self.publish_in_italian()
        self.assertIn("Possiamo restare in contatto?", self.get_choices(lang="it_IT"))
        italian = self.form._get_version("it_IT")
        self.send_form(["marketing", "marketing.email"], version=italian)
        declared = self.sent.gdpr_event_ids.filtered(lambda event: event.action == "declared")
        self.assertEqual(declared.version_id, italian)

    def test_unknown_language(self):
        for lang in ("xx_XX", "", "en_US'; --", "fr"):
            self.assertIn("News and offers", self.get_choices(lang=lang))

    def test_form_of_the_web_site(self):
        """The web site's own form comes first, then one for collecting on web sites; another site's never."""
        for_sites = self.form.copy({"collected_through": "website", "title": "Made for web sites"})
        for_sites.action_publish()
        self.assertIn("Made for web sites", self.get_choices())
        own = self.form.copy({"website_id": self.website.id, "title": "Made for this one"})
        own.action_publish()
        self.assertIn("Made for this one", self.get_choices())
        second = self.env["website"].create({"name": "Second", "company_id": self.website.company_id.id})
        own.website_id = second
        self.assertIn("Made for web sites", self.get_choices())

    def test_other_company(self):
        """A web site of another company shows that company's form, or none."""
        company = self.env["res.company"].create({"name": "Other", "email": "other@example.com", "city": "Rome"})
        self.website.write({"company_id": company.id, "crm_default_user_id": False, "crm_default_team_id": False})
        self.env.user.company_ids = [Command.link(company.id)]
        self.assertEqual(self.get_choices(), "")
        other = self.form.copy({"company_id": company.id, "website_id": False, "title": "The other company asks"})
        other.action_publish()
        self.assertIn("The other company asks", self.get_choices())
        answer = self.send_form(["marketing", "marketing.email"], version=other._get_version("en_US"))
        self.assertIn("id", answer)
        declared = self.sent.gdpr_event_ids.filtered(lambda event: event.action == "declared")
        self.assertEqual((self.sent.company_id, declared.company_id), (company, company))

    def test_hint_for_editors(self):
        self.assertEqual(self.get_choices(model="mail.mail", is_edited=True), "")
        self.authenticate("privacy_officer", "privacy_officer")
        self.assertIn("Choose another action", self.get_choices(model="mail.mail", is_edited=True))
        self.env["gdpr.consent.form"].search([]).active = False
        self.assertIn("no published consent form", self.get_choices(is_edited=True))

    def test_changes_nothing(self):
        before = self.take_snapshot()
        self.get_choices()
        self.assertEqual(self.take_snapshot(), before)
