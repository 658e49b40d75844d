import json
from contextlib import contextmanager
from unittest.mock import patch

from markupsafe import Markup

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools import ledger
from ..tools.comparison import compare_words, read_words
from .common import ConsentCase
from .page_common import PageCase


class DesignerCase(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.third_parties = cls.env.ref("gdpr_consent.purpose_third_parties")
        cls.env.company.email = "info@example.com"
        cls.form.action_publish()

    @contextmanager
    def assertRefused(self, message):
        """Check that what is done is refused with a message, and undo it."""
        with self.assertRaises(ValidationError) as catcher:
            yield
        self.assertRegex(str(catcher.exception), message)

    def change(self, **values):
        """Change the form and publish it; what is given is the form's, or ``material``."""
        material = values.pop("material", False)
        self.form.write(values)
        self.form.action_publish(material=material)

    def give_consent(self, card=None, channels=("email",)):
        """Record the agreement to what the form asks now."""
        subject = (card or self.partner)._gdpr_ensure_subjects()
        version = self.form._get_version()
        choices = {purpose["id"]: list(channels) for purpose in version._get_content()["purposes"]}
        subject._record_answer(version, choices, source="portal", actor="person")

    def get_reason(self, card=None):
        card = card or self.partner
        return card.gdpr_may_contact("marketing", "email")[card.id]["reason"]

    def get_statements(self, purpose=None, lang="en_US", form=None):
        content = json.loads((form or self.form)._get_frozen_text(lang))
        purpose = purpose or self.marketing
        return {
            statement["about"]: statement["text"]
            for entry in content["purposes"]
            if entry["id"] == purpose.id
            for statement in entry["statements"]
        }


@tagged("post_install", "-at_install")
class TestPurpose(DesignerCase):
    """What a purpose says, and what of it can still be changed."""

    def test_made_in_the_form(self):
        with Form(self.env["gdpr.purpose"].with_user(self.manager)) as purpose:
            purpose.name = "Events"
            purpose.code = "events"
            purpose.description = "We invite you to our events."
            purpose.retention_months = 36
            self.assertTrue(purpose._get_modifier("retention_reason", "required"))
            purpose.retention_reason = "Some events take place every third year."
            # A new purpose starts with the name and the e-mail address.
            purpose.data_category_ids.remove(index=0)
            self.assertTrue(purpose._get_modifier("transfer_safeguards", "invisible"))
            purpose.transfers = "The data also goes to Japan."
            self.assertTrue(purpose._get_modifier("transfer_safeguards", "required"))
            purpose.transfer_safeguards = "The European Commission found it safe there."
        self.form.purpose_ids |= purpose.record
        statements = self.get_statements(purpose.record)
        self.assertEqual(statements["data"], "We use: e-mail address.")
        self.assertEqual(
            statements["retention"], "The data is kept for 36 months. Some events take place every third year."
        )
        self.assertEqual(
            statements["transfers"], "The data also goes to Japan. The European Commission found it safe there."
        )

    def test_basis_and_code_are_readonly_once_answered(self):
        with Form(self.marketing.with_user(self.manager)) as purpose:
            self.assertFalse(purpose._get_modifier("legal_basis", "readonly"))
        self.give_consent()
        with Form(self.marketing.with_user(self.manager)) as purpose:
            self.assertTrue(purpose._get_modifier("legal_basis", "readonly"))
            self.assertTrue(purpose._get_modifier("code", "readonly"))
        for values in ({"legal_basis": "contract"}, {"code": "other"}):
            with self.assertRaisesRegex(UserError, "part of the proof"):
                self.marketing.write(values)

    def test_statements(self):
        self.assertEqual(
            self.get_statements(),
            {
                "data": "We use: name, e-mail address, phone number, postal address.",
                "retention": "The data is kept for 24 months.",
                "automated_decisions": "No decision about you is made by a computer alone.",
                "transfers": "The data stays in the European Economic Area.",
            },
        )
        self.marketing.write(
            {
                "recipient_ids": [Command.create({"name": "Printers Ltd"})],
                "recipient_categories": "hauliers",
                "processor_ids": [Command.create({"name": "Mailers Ltd"})],
                "automated_decisions": "A computer picks the offers you see.",
                "retention_months": 0,
                "retention_reason": "We want to know you for life.",
            }
        )
        statements = self.get_statements()
        self.assertEqual(statements["recipients"], "Received by: Printers Ltd, hauliers.")
        self.assertEqual(statements["processors"], "Handled for us by: Mailers Ltd.")
        self.assertEqual(statements["automated_decisions"], "A computer picks the offers you see.")
        self.assertEqual(statements["retention"], "The data is kept without an end date. We want to know you for life.")

    def test_statements_are_in_the_persons_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.env.ref("gdpr_consent.data_category_name").with_context(lang="it_IT").name = "nome"
        self.marketing.with_context(lang="it_IT").automated_decisions = False
        self.marketing.automated_decisions = "A computer decides."
        self.marketing.with_context(lang="it_IT").automated_decisions = "Decide un computer."
        self.assertIn("nome", self.get_statements(lang="it_IT")["data"])
        self.assertEqual(self.get_statements(lang="it_IT")["automated_decisions"], "Decide un computer.")
        self.assertEqual(self.get_statements(lang="en_US")["automated_decisions"], "A computer decides.")

    def test_recipients_a_user_may_not_see_are_named(self):
        other = self.env["res.company"].create({"name": "Second"})
        self.third_parties.recipient_ids = self.env["res.partner"].create(
            {"name": "Hidden Ltd", "company_id": other.id}
        )
        self.form.purpose_ids |= self.third_parties
        form = self.form.with_user(self.manager).with_context(allowed_company_ids=self.env.company.ids)
        self.assertIn("Hidden Ltd", self.get_statements(self.third_parties, form=form)["recipients"])

    def test_data_categories(self):
        with Form(self.env["gdpr.data.category"].with_user(self.manager)) as category:
            category.name = "date of birth"
            category.dpv_term = "BirthDate"
        self.marketing.data_category_ids |= category.record
        self.assertIn("date of birth", self.get_statements()["data"])
        with self.assertRaises(AccessError):
            category.record.with_user(self.officer).name = "birthday"


@tagged("post_install", "-at_install")
class TestForm(DesignerCase):
    """What can be on a form."""

    def test_made_in_the_form(self):
        with Form(self.env["gdpr.consent.form"].with_user(self.manager)) as form:
            form.name = "Fair"
            form.title = "Shall we keep in touch after the fair?"
            form.introduction = "<p>We met at the fair.</p>"
            form.purpose_ids.add(self.marketing)
            form.channel_ids.add(self.email_channel)
            form.notice_url = "/privacy"
            form.collected_through = "event"
            form.thanks = "<p>See you next year.</p>"
        form.record.action_publish()
        content = form.record._get_version()._get_content()
        self.assertEqual(content["labels"], {"accept": "Accept all", "save": "Save my choices", "refuse": "Refuse all"})
        self.assertEqual(content["purposes"][0]["channels"], [{"code": "email", "name": "E-mail"}])
        self.assertEqual(form.record._get_version().collected_through, "event")
        self.assertEqual(content["thanks"], Markup("<p>See you next year.</p>"))

    def test_no_channels_offers_all_of_each_purpose(self):
        content = json.loads(self.form._get_frozen_text("en_US"))
        self.assertEqual(len(content["purposes"][0]["channels"]), 4)

    def test_purpose_on_another_basis(self):
        contract = self.env["gdpr.purpose"].create({"name": "Orders", "code": "orders", "legal_basis": "contract"})
        with self.assertRefused("Orders.*isn't based on consent"):
            self.form.purpose_ids |= contract
        with self.assertRefused("isn't based on consent"):
            self.marketing.legal_basis = "legitimate_interests"

    def test_purpose_of_another_company(self):
        other = self.env["res.company"].create({"name": "Second"})
        foreign = self.env["gdpr.purpose"].create({"name": "X", "code": "x", "company_id": other.id})
        with self.assertRefused("purpose of another company"):
            self.form.purpose_ids |= foreign
        with self.assertRefused("purpose of another company"):
            self.marketing.company_id = other
        own = self.env["gdpr.purpose"].create({"name": "Y", "code": "y", "company_id": self.env.company.id})
        self.form.purpose_ids |= own
        with self.assertRefused("purpose of another company"):
            self.form.company_id = other

    def test_website_of_another_company(self):
        other = self.env["res.company"].create({"name": "Second"})
        website = self.env["website"].create({"name": "Second", "company_id": other.id})
        with self.assertRefused("web site of another company"):
            self.form.website_id = website
        form = self.form.copy({"company_id": other.id, "website_id": website.id})
        with self.assertRefused("web site of another company"):
            form.company_id = self.env.company

    def test_untranslated_texts(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.assertEqual(self.form._get_untranslated("en_US"), [])
        self.assertIn("Title", self.form._get_untranslated("fr_FR"))
        self.assertIn("News and offers: Description", self.form._get_untranslated("fr_FR"))
        self.form.with_context(lang="fr_FR").title = "Restons-nous en contact ?"
        self.assertNotIn("Title", self.form._get_untranslated("fr_FR"))


@tagged("post_install", "-at_install")
class TestPublish(DesignerCase):
    def test_what_is_missing_is_named(self):
        """Each thing a person must be told, one by one (law.md R-05)."""
        for record, values, missing in (
            (self.form, {"introduction": False}, "an introduction"),
            (self.form, {"introduction": "<p><br></p>"}, "an introduction"),
            (self.form, {"purpose_ids": [Command.clear()]}, "at least one purpose"),
            (self.form, {"privacy_text": False, "notice_url": False}, "a privacy text or a link"),
            (self.marketing, {"description": " "}, "“News and offers”: a description"),
            (self.marketing, {"data_category_ids": [Command.clear()]}, "“News and offers”: the data used"),
            (self.marketing, {"transfers": "To Mars."}, "“News and offers”: what protects the data abroad"),
            (self.form, {"channel_ids": [Command.create({"name": "Fax", "code": "fax"})]}, "one of its channels"),
            (self.third_parties, {"recipient_categories": False}, "“Disclosure to partners”: the recipients"),
        ):
            with self.subTest(missing=missing), self.env.cr.savepoint() as savepoint:
                self.form.purpose_ids = self.marketing | self.third_parties
                record.write(values)
                number = self.form.version_number
                with self.assertRaisesRegex(ValidationError, missing):
                    self.form.action_publish()
                with self.assertRaisesRegex(ValidationError, missing):
                    self.form.action_review_publication()
                self.assertEqual(self.form.version_number, number)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_all_that_is_missing_is_named_at_once(self):
        self.form.write({"introduction": False, "privacy_text": False, "purpose_ids": [Command.clear()]})
        with self.assertRaisesRegex(ValidationError, "introduction\n.*purpose\n.*privacy text"):
            self.form.action_publish()

    def test_notice_link(self):
        for address in ("javascript:alert(1)", "not a link", "ftp://example.com/notice", "//example.com", "https://"):
            with self.subTest(address=address), self.assertRaises(ValidationError):
                self.form.notice_url = address
        for address in ("/privacy", "https://example.com/privacy?lang=en"):
            self.form.notice_url = address

    def test_channels_that_people_answered_about(self):
        """The ledger names channels by their codes."""
        partner = self.env["res.partner"].create({"name": "Anna Rossi", "email": "anna@example.com"})
        partner.gdpr_legal_basis = "consent"
        fax = self.env["gdpr.channel"].create({"name": "Fax", "code": "fax"})
        telex = self.env["gdpr.channel"].create({"name": "Telex", "code": "telex"})
        self.marketing.channel_ids += fax
        self.form.action_publish()
        partner.gdpr_record_consent("marketing", ["fax"], "phone", evidence="Call 7")
        with self.assertRaises(UserError):
            fax.code = "telefax"
        with self.assertRaises(UserError):
            fax.unlink()
        with self.assertRaises(UserError):
            self.env.ref("gdpr_consent.channel_email").unlink()
        fax.name = "Telefax"
        telex.unlink()

    def test_no_contact_is_told(self):
        """A new company has no address: it can publish, and is told what people have a right to."""
        self.env.company.write(dict.fromkeys(("email", "street", "zip", "city", "gdpr_officer_email"), False))
        self.assertTrue(Form.from_action(self.env, self.form.action_review_publication()).lacks_contact)

    def test_an_address_is_contact_enough(self):
        self.env.company.write({"email": False, "street": "Via Roma 12"})
        self.assertFalse(Form.from_action(self.env, self.form.action_review_publication()).lacks_contact)
        self.form.action_publish()
        self.assertIn("Via Roma 12", self.form._get_version()._get_content()["controller"]["address"])

    def test_one_version_per_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.form.with_context(lang="it_IT").title = "Restiamo in contatto?"
        self.form.action_publish()
        versions = self.form._get_current_versions()
        self.assertEqual(set(versions.mapped("lang")), {"en_US", "it_IT"})
        self.assertEqual(len(set(versions.mapped("sha256"))), 2)
        for version in versions:
            self.assertEqual(version.sha256, ledger.sha256(version.content))
        italian = versions.filtered(lambda version: version.lang == "it_IT")
        self.assertEqual(italian._get_content()["title"], "Restiamo in contatto?")
        self.assertEqual(italian.language, "Italian / Italiano")

    def test_published_text_stays(self):
        version = self.form._get_version()
        self.marketing.recipient_ids = self.env["res.partner"].create({"name": "New Ltd"})
        self.assertNotIn("New Ltd", version.content)
        self.assertTrue(self.form._is_changed())

    def test_publishing_what_is_in_force_changes_nothing(self):
        number = self.form.version_number
        self.form.action_publish()
        self.assertEqual(self.form.version_number, number)

    def test_first_wordings_can_still_be_read(self):
        """They said nothing of the data."""
        content = json.loads(self.form._get_frozen_text("en_US"))
        for purpose in content["purposes"]:
            del purpose["statements"]
        del content["collected_through"]
        version = self.form._get_version()
        with patch.object(type(version), "content", json.dumps(content)):
            self.assertIn("May we stay in touch?", str(version.preview))
            self.assertEqual(version.collected_through, "email")

    def test_only_administrators_publish(self):
        self.form.title = "Another title"
        for user in self.officer, self.salesperson, self.employee:
            with self.assertRaises(AccessError):
                self.form.with_user(user).action_publish()
            with self.assertRaises(AccessError):
                self.env["gdpr.consent.form.publication"].with_user(user).create({"form_id": self.form.id})
        self.form.with_user(self.manager).action_publish()
        self.assertEqual(self.form._get_version().published_by_id, self.manager)


@tagged("post_install", "-at_install")
class TestPublicationWizard(DesignerCase):
    """What changed, in words, before it is published."""

    def review(self, form=None):
        action = (form or self.form).with_user(self.manager).action_review_publication()
        return Form(self.env[action["res_model"]].with_user(self.manager).with_context(**action["context"]))

    def test_first_publication(self):
        form = self.form.copy({"name": "New"})
        review = self.review(form)
        self.assertEqual(review.number, 1)
        review.save().action_publish()
        self.assertEqual(form.version_number, 1)
        self.assertFalse(form._get_version().is_material)

    def test_nothing_changed(self):
        review = self.review()
        self.assertFalse(review.has_changes)
        with self.assertRaisesRegex(UserError, "Nothing has changed since version"):
            review.save().action_publish()

    def test_comparison(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.form.action_publish()
        self.form.title = "May we keep in touch?"
        self.form.channel_ids = self.email_channel
        self.form.purpose_ids |= self.profiling
        self.form.introduction = self.form.introduction + Markup("<p><a href='https://example.com/a'>Read more</a></p>")
        self.marketing.retention_months = 12
        comparison = str(self.review().comparison)
        for piece in (
            'May we <del class="text-danger">stay </del><ins class="text-success">keep </ins>in touch?',
            '<del class="text-danger">24 </del><ins class="text-success">12 </ins>months.',
            '<ins class="text-success">Personal suggestions</ins>',
            "https://example.com/a",
            "Italiano",
            "Not translated",
        ):
            self.assertIn(piece, comparison)
        self.assertNotIn("Privacy text", comparison, "what didn't change isn't shown")

    def test_new_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        comparison = str(self.review().comparison)
        self.assertIn("No change.", comparison)
        self.assertIn("for the first time", comparison)

    def test_markup_in_a_text_stays_text(self):
        self.form.title = "<script>alert(1)</script>"
        comparison = str(self.review().comparison)
        self.assertIn("&lt;script&gt;", comparison)
        self.assertNotIn("<script>", comparison)

    def test_only_what_was_shown_is_published(self):
        self.form.title = "Shown"
        review = self.review().save()
        self.form.title = "Not shown"
        with self.assertRaisesRegex(UserError, "while you looked at it"):
            review.action_publish()

    def test_material(self):
        self.give_consent()
        self.form.title = "Something else"
        review = self.review()
        self.assertEqual(review.consent_count, 1)
        review.material = True
        review.save().action_publish()
        self.assertTrue(all(self.form._get_current_versions().mapped("is_material")))
        self.assertEqual(self.get_reason(), "renewal_due")

    def test_words(self):
        self.assertEqual(compare_words("a b c", "a c"), Markup('a <del class="text-danger">b </del>c'))
        self.assertEqual(compare_words("", "new"), Markup('<ins class="text-success">new</ins>'))
        self.assertEqual(compare_words("same", "same"), Markup("same"))
        link = Markup("<p>See <a href='%s'>here</a></p>")
        self.assertNotEqual(read_words(link % "https://a.example"), read_words(link % "https://b.example"))

    def test_layout_alone(self):
        self.form.introduction = Markup("<div>%s</div>") % self.form.introduction
        self.assertIn("The layout changes, the words stay.", str(self.review().comparison))


@tagged("post_install", "-at_install")
class TestMaterialChange(DesignerCase):
    """A material change makes what was agreed to before due for renewal; a rewording doesn't (law.md R-16)."""

    def test_rewording(self):
        self.give_consent()
        self.change(title="The same in other words")
        self.assertEqual(self.get_reason(), "allowed")
        self.assertNotIn("renewal_due", self.get_events(self.partner))

    def test_material(self):
        self.give_consent()
        self.give_consent(self.lead)
        self.change(title="Something else", material=True)
        for card in self.partner, self.lead:
            self.assertEqual(self.get_reason(card), "renewal_due")
            self.assertEqual(card.gdpr_consent_state, "obtained")
        events = self.partner.gdpr_subject_id.event_ids.sorted("sequence")
        self.assertEqual(events[-1].action, "renewal_due")
        self.assertEqual(events[-1].version_id, self.form._get_version())
        self.assertEqual(events[-1].act, self.lead.gdpr_subject_id.event_ids.sorted("sequence")[-1].act)
        self.give_consent()
        self.assertEqual(self.get_reason(), "allowed")
        self.assertLedgerSound()

    def test_once_per_consent(self):
        self.give_consent()
        self.change(title="Something else", material=True)
        self.change(title="Something else again", material=True)
        self.assertEqual(self.get_events(self.partner).count("renewal_due"), 1)

    def test_only_of_this_form(self):
        other = self.form.copy({"name": "Other"})
        other.action_publish()
        self.give_consent()
        other.title = "Something else"
        other.action_publish(material=True)
        self.assertEqual(self.get_reason(), "allowed")

    def test_refused_and_withdrawn_stay(self):
        self.partner._gdpr_ensure_subjects()._record_answer(
            self.form._get_version(), {}, source="portal", actor="person"
        )
        self.change(title="Something else", material=True)
        self.assertEqual(self.get_reason(), "refused")

    def test_first_version_is_no_change(self):
        form = self.form.copy({"name": "Other"})
        form.action_publish(material=True)
        self.assertFalse(form.material_version_number)

    def test_many_in_few_queries(self):
        cards = self.env["res.partner"].create(
            [{"name": f"Person {number}", "email": f"p{number}@example.com"} for number in range(60)]
        )
        cards.gdpr_legal_basis = "consent"
        for card in cards:
            self.give_consent(card)
        self.env.flush_all()
        self.form.title = "Something else"
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        self.form.action_publish(material=True)
        self.env.flush_all()
        self.assertLess(self.env.cr.sql_log_count - before, 250)
        self.assertEqual({self.get_reason(card) for card in cards[:3]}, {"renewal_due"})

    def test_consent_that_came_meanwhile(self):
        """Somebody agreed to the old wording while the new one was being published."""
        old = self.form._get_version()
        self.change(title="Something else", material=True)
        subject = self.partner._gdpr_ensure_subjects()
        subject._record_answer(old, {self.marketing.id: ["email"]}, source="portal", actor="person")
        self.assertEqual(self.get_reason(), "allowed")
        with self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_life_cycle").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.get_reason(), "renewal_due")


@tagged("post_install", "-at_install")
class TestOldLinks(DesignerCase, PageCase):
    """A link shows the version it was sent with, or the newest after a material change."""

    MARKETING = [("purpose", "marketing"), ("channel", "email")]

    def setUp(self):
        super().setUp()
        self.old = self.form._get_version("en_US")
        self.request, self.grant, _preferences = self.ask(self.partner)

    def get_heading(self):
        self.env.invalidate_all()
        return self.parse(self.open_consent(self.grant)).xpath("//h1")[0].text_content()

    def open_form(self):
        """Give the hidden fields of the page as it is now."""
        return self.get_hidden_fields(self.open_consent(self.grant))

    def send(self, hidden, button, *fields):
        return self.url_open(f"/gdpr/consent/{self.grant}", data=[*hidden, *fields, ("answer", button)])

    def get_wording(self):
        self.env.invalidate_all()
        return self.partner.gdpr_subject_id.consent_ids.event_id.version_id

    def test_rewording(self):
        self.change(title="In other words")
        self.assertEqual(self.get_heading(), "May we stay in touch?")
        self.answer(self.grant, "accept")
        self.assertEqual(self.get_wording(), self.old)

    def test_material(self):
        self.change(title="Something else", material=True)
        self.change(title="Something else, in other words")
        self.assertEqual(self.get_heading(), "Something else, in other words")
        self.answer(self.grant, "accept")
        self.assertEqual(self.get_wording(), self.form._get_version("en_US"))
        self.assertEqual(self.get_reason(), "allowed")

    def test_opened_before_a_rewording(self):
        hidden = self.open_form()
        self.change(title="In other words")
        self.send(hidden, "save", *self.MARKETING)
        self.assertEqual(self.get_wording(), self.old)

    def test_opened_before_a_material_change(self):
        hidden = self.open_form()
        self.change(title="Something else", material=True)
        response = self.send(hidden, "save", *self.MARKETING, ("note", "My words"))
        self.assertEqual(response.status_code, 422)
        page = self.parse(response)
        self.assertIn("has changed since you opened this page", page.xpath("//*[@role='alert']")[0].text_content())
        self.assertEqual(page.xpath("//h1")[0].text_content(), "Something else")
        self.assertEqual(page.xpath("//textarea[@name='note']")[0].text_content().strip(), "My words")
        self.assertEqual(len(page.xpath("//input[@checked]")), 2)
        self.assertFalse(self.get_wording())
        self.send(self.get_hidden_fields(response), "save", *self.MARKETING)
        self.assertEqual(self.get_wording(), self.form._get_version("en_US"))

    def test_a_no_counts_whatever_was_asked(self):
        for button in ("refuse", "save"):
            with self.subTest(button=button), self.env.cr.savepoint() as savepoint:
                hidden = self.open_form()
                self.change(title="Something else", material=True)
                self.assertEqual(self.send(hidden, button).status_code, 200)
                self.assertEqual(self.get_wording(), self.old)
                self.assertEqual(self.partner.gdpr_consent_state, "refused")
                self.env.flush_all()
                savepoint.rollback()
                self.env.invalidate_all()

    def test_opened_between_two_versions_after_a_material_change(self):
        self.change(title="Something else", material=True)
        material = self.form._get_version("en_US")
        hidden = self.open_form()
        self.change(title="Something else, in other words")
        self.send(hidden, "save", *self.MARKETING)
        self.assertEqual(self.get_wording(), material)

    def test_wording_this_link_never_showed(self):
        """An editorial version that came later can't be claimed to have been read."""
        self.change(title="In other words")
        hidden = [*self.open_form()]
        newest = self.form._get_version("en_US")
        hidden = [(name, str(newest.id) if name == "version" else value) for name, value in hidden]
        self.send(hidden, "save", *self.MARKETING)
        self.assertEqual(self.get_wording(), self.old)

    def test_confirmation_opened_before_a_material_change(self):
        """What somebody typed is confirmed in the words that are asked now."""
        with self.catch_mails():
            self.partner.gdpr_record_consent("marketing", "email", "import", evidence="List of the fair")
        self.grant = self.find_token(self._mails[-1]["body"], "consent")
        hidden = self.open_form()
        self.change(title="Something else", material=True)
        response = self.send(hidden, "confirm")
        self.assertEqual(response.status_code, 422)
        self.assertIn("has changed since you opened this page", response.text)
        self.assertIn("The data is kept for 24 months.", response.text)
        self.assertFalse(self.get_wording())
        self.send(self.get_hidden_fields(response), "confirm")
        self.assertEqual(self.get_wording(), self.form._get_version("en_US"))
        self.assertEqual(self.get_reason(), "allowed")

    def test_channels_offered(self):
        self.change(channel_ids=self.email_channel, material=True)
        page = self.parse(self.open_consent(self.grant))
        self.assertEqual([field.get("value") for field in page.xpath("//input[@name='channel']")], ["email"])
        self.answer(self.grant, "save", ("purpose", "marketing"), ("channel", "email"), ("channel", "phone"))
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})

    def test_page_tells_how_the_data_is_used(self):
        text = self.parse(self.open_consent(self.grant)).xpath("//main")[0].text_content()
        for sentence in self.get_statements().values():
            self.assertIn(sentence, text)
        self.assertIn("The data is kept for 24 months.", str(self.old.preview))


@tagged("post_install", "-at_install")
class TestPortal(DesignerCase, PageCase):
    """The form in the portal records the words that were on the screen."""

    def setUp(self):
        super().setUp()
        new_test_user(self.env, "anna_portal", "base.group_portal", partner_id=self.partner.id)
        self.authenticate("anna_portal", "anna_portal")
        self.old = self.form._get_version("en_US")
        self.page = self.url_open("/my/privacy")

    def send(self, page, button):
        [form] = [form for form in self.parse(page).forms if form.xpath(".//input[@name='version']")]
        hidden = [(field.name, field.value) for field in form.xpath(".//input[@type='hidden']")]
        return self.url_open("/my/privacy", data=[*hidden, ("answer", button)])

    def get_wording(self):
        self.env.invalidate_all()
        return self.partner.gdpr_subject_id.consent_ids.event_id.version_id

    def test_opened_before_a_rewording(self):
        self.change(title="In other words")
        self.send(self.page, "accept")
        self.assertEqual(self.get_wording(), self.old)

    def test_opened_before_a_material_change(self):
        self.change(title="Something else", material=True)
        response = self.send(self.page, "accept")
        self.assertEqual(response.status_code, 422)
        self.assertIn("has changed since you opened this page", response.text)
        self.assertFalse(self.get_wording())
        self.send(response, "accept")
        self.assertEqual(self.get_wording(), self.form._get_version("en_US"))

    def test_refused_before_a_material_change(self):
        self.change(title="Something else", material=True)
        self.send(self.page, "refuse")
        self.assertEqual(self.partner.gdpr_consent_state, "refused")
        self.assertEqual(self.get_wording(), self.old)


@tagged("post_install", "-at_install")
class TestPreview(DesignerCase, PageCase):
    """The page as a person will see it, in a frame."""

    def open_preview(self, query="", form=None, frame=False):
        page = "/page" if frame else ""
        return self.url_open(f"/gdpr/preview/{(form or self.form).id}{page}{query}", allow_redirects=False)

    def test_action(self):
        action = self.form.with_user(self.manager).action_preview()
        self.assertEqual(action["url"], f"/gdpr/preview/{self.form.id}")

    def test_present_text_in_a_frame(self):
        self.form.title = "Draft title"
        self.authenticate("privacy_manager", "privacy_manager")
        response = self.open_preview()
        frame = self.parse(response).xpath("//iframe")[0]
        self.assertIn("frame-src 'self'", response.headers["Content-Security-Policy"])
        response = self.url_open(frame.get("src"))
        self.assertIn("Draft title", response.text)
        self.assertEqual(response.headers["X-Frame-Options"], "SAMEORIGIN")
        self.assertIn("frame-ancestors 'self'", response.headers["Content-Security-Policy"])
        buttons = self.parse(response).xpath("//button[@name='answer']")
        self.assertEqual([button.get("type") for button in buttons], ["button"] * 3, "they do nothing")
        self.assertFalse(self.parse(response).xpath("//script | //input[@name='csrf_token']"))

    def test_the_persons_page_is_framed_by_nobody(self):
        _request, grant, _preferences = self.ask(self.partner)
        response = self.open_consent(grant)
        self.assertEqual(response.headers["X-Frame-Options"], "DENY")
        self.assertIn("frame-ancestors 'none'", response.headers["Content-Security-Policy"])

    def test_languages(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.form.with_context(lang="it_IT").title = "Bozza del titolo"
        self.authenticate("privacy_manager", "privacy_manager")
        toolbar = self.parse(self.open_preview("?lang=it_IT"))
        self.assertEqual(len(toolbar.xpath("//nav[@aria-label='Language']/a")), 2)
        self.assertIn("Not translated", toolbar.xpath("//*[@role='status']")[0].text_content())
        page = self.parse(self.url_open(toolbar.xpath("//iframe")[0].get("src")))
        self.assertEqual(page.get("lang"), "it-IT")
        self.assertEqual(page.xpath("//h1")[0].text_content(), "Bozza del titolo")
        self.assertFalse(self.parse(self.open_preview("?lang=en_US")).xpath("//*[@role='status']"))

    def test_phone(self):
        self.authenticate("privacy_manager", "privacy_manager")
        frame = self.parse(self.open_preview("?device=phone")).xpath("//iframe")[0]
        self.assertIn("o_gdpr_phone", frame.get("class"))

    def test_changes_nothing(self):
        self.authenticate("privacy_manager", "privacy_manager")
        before = self.take_snapshot()
        self.open_preview(frame=True)
        self.assertEqual(self.take_snapshot(), before)
        with mute_logger("odoo.http"):
            self.assertEqual(
                self.url_open(f"/gdpr/preview/{self.form.id}/page", data={"answer": "accept"}).status_code, 405
            )

    def test_for_administrators(self):
        for login in ("privacy_salesperson", "privacy_officer", "privacy_employee"):
            self.authenticate(login, login)
            with mute_logger("odoo.http"):
                self.assertEqual(self.open_preview().status_code, 403)
                self.assertEqual(self.open_preview(frame=True).status_code, 403)
        self.authenticate(None, None)
        self.assertIn("/web/login", self.open_preview().headers["Location"])

    def test_forms_of_the_users_companies(self):
        other = self.env["res.company"].create({"name": "Second"})
        form = self.form.copy({"company_id": other.id})
        form.active = False
        self.authenticate("privacy_manager", "privacy_manager")
        self.assertEqual(self.open_preview(form=form).status_code, 404)
        self.manager.company_ids |= other
        self.assertEqual(self.open_preview(form=form, frame=True).status_code, 200)
        self.assertEqual(self.url_open("/gdpr/preview/999999").status_code, 404)


@tagged("post_install", "-at_install")
class TestWebsites(DesignerCase, PageCase):
    """Each form with its own site's look and address."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.env["website"].create(
            {"name": "The Shop", "domain": "https://shop.example.com", "company_id": cls.env.company.id}
        )
        cls.second = cls.env["res.company"].create({"name": "Second", "email": "second@example.com"})
        cls.second_site = cls.env["website"].create(
            {"name": "Second's Site", "domain": "https://second.example.com", "company_id": cls.second.id}
        )
        cls.second.invalidate_recordset()

    def ask_with(self, form):
        with self.catch_mails():
            self.partner.gdpr_request_consent(form=form)
        return self._mails[-1]["body"]

    def test_link_has_the_address_of_the_forms_site(self):
        self.form.website_id = self.shop
        body = self.ask_with(self.form)
        self.assertIn("https://shop.example.com/gdpr/consent/", body)
        self.assertIn("https://shop.example.com/gdpr/preferences/", body)

    def test_link_has_the_address_of_the_companys_site(self):
        form = self.form.copy({"company_id": self.second.id})
        form.action_publish()
        request = self.env["gdpr.consent.request"].new({"form_id": form.id, "company_id": self.second.id})
        self.assertEqual(request.get_base_url(), "https://second.example.com")

    def test_link_has_odoos_address_without_a_site(self):
        self.env["website"].search([("company_id", "=", self.env.company.id)]).domain = False
        self.assertIn(
            f"{self.env['ir.config_parameter'].get_param('web.base.url')}/gdpr/consent/", self.ask_with(self.form)
        )

    def test_page_wears_the_look_of_the_forms_site(self):
        _request, grant, _preferences = self.ask(self.partner)
        page = self.parse(self.open_consent(grant))
        self.assertNotIn("The Shop", page.xpath("//title")[0].text)
        self.form.website_id = self.shop
        page = self.parse(self.open_consent(grant))
        self.assertIn("The Shop", page.xpath("//title")[0].text)
        self.assertIn(f"/web/image/website/{self.shop.id}/logo", page.xpath("//header//img")[0].get("src"))
        self.assertIn(f"/web/assets/{self.shop.id}/", page.xpath("//link[@rel='stylesheet']")[0].get("href"))
        self.form.logo = self.shop.logo
        page = self.parse(self.open_consent(grant))
        self.assertTrue(page.xpath("//header//img")[0].get("src").startswith("data:image/"))

    def test_preview_wears_it_too(self):
        form = self.form.copy({"company_id": self.second.id, "website_id": self.second_site.id})
        self.manager.company_ids |= self.second
        self.authenticate("privacy_manager", "privacy_manager")
        page = self.parse(self.url_open(f"/gdpr/preview/{form.id}/page"))
        self.assertIn("Second's Site", page.xpath("//title")[0].text)

    def test_forms_are_kept_apart(self):
        form = self.form.copy({"company_id": self.second.id})
        manager = new_test_user(
            self.env,
            login="second_manager",
            groups="gdpr_consent.group_manager",
            company_id=self.second.id,
            company_ids=self.second.ids,
        )
        forms = self.env["gdpr.consent.form"].with_user(manager).search([])
        self.assertEqual(forms, form)
        with self.assertRaises(AccessError):
            self.form.with_user(manager).action_publish()
