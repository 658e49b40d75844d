from odoo.tests import tagged

from ..hooks import post_init_hook
from .common import ConsentCase
from .page_common import PageCase


def activate_italian(env):
    env["res.lang"]._activate_lang("it_IT")
    env["ir.module.module"]._load_module_terms(["gdpr_consent"], ["it_IT"])


@tagged("post_install", "-at_install")
class TestTranslation(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        activate_italian(cls.env)
        cls.partner.lang = "it_IT"

    def test_language_that_came_after_publishing_falls_back(self):
        number = self.form.version_number
        self.assertFalse(self.form.version_ids.filtered(lambda v: v.number == number and v.lang == "it_IT"))
        self.assertEqual(self.form._get_version("it_IT").lang, "en_US")
        self.assertTrue(self.form.has_changes)

    def test_publishing_freezes_every_language(self):
        self.form.action_publish()
        italian = self.form._get_version("it_IT")._get_content()
        english = self.form._get_version("en_US")._get_content()
        self.assertEqual(italian["title"], "Possiamo restare in contatto?")
        self.assertEqual(italian["purposes"][0]["name"], "Novità e offerte")
        self.assertEqual(italian["labels"]["refuse"], "Rifiuta tutto")
        self.assertIn("cambiare idea", italian["withdrawal"])
        for part in ("title", "introduction", "privacy_text", "withdrawal", "thanks"):
            self.assertNotEqual(italian[part], english[part], part)

    def test_first_publishing_is_left_to_the_hook(self):
        """A version frozen while the data is loaded would hold English words under an Italian label."""
        form = self.form.copy()
        reference = [("module", "=", "gdpr_consent"), ("name", "=", "default_form")]
        self.env["ir.model.data"].search(reference).res_id = form.id
        self.env.flush_all()
        self.assertEqual(self.env.ref("gdpr_consent.default_form"), form)
        self.assertFalse(form.version_number)
        post_init_hook(self.env)
        self.assertEqual(form.version_number, 1)
        self.assertEqual(form._get_version("it_IT")._get_content()["title"], "Possiamo restare in contatto?")
        post_init_hook(self.env)
        self.assertEqual(form.version_number, 1)

    def test_mail_is_in_the_language_of_the_person(self):
        self.form.action_publish()
        request, _grant, _preferences = self.ask(self.partner)
        self.assertEqual(request.lang, "it_IT")
        self.assertEqual(request._get_version().lang, "it_IT")
        self.assertIn("possiamo restare in contatto?", self._mails[-1]["subject"])
        self.assertIn("Gentile Anna Rossi", self._mails[-1]["body"])
        self.assertIn("Scelga ora", self._mails[-1]["body"])

    def test_back_office_is_in_italian(self):
        card = self.partner.with_context(lang="it_IT")
        states = dict(card._fields["gdpr_consent_state"]._description_selection(card.env))
        self.assertEqual(states["withdrawn"], "Revocato")
        self.assertEqual(card.fields_get(["gdpr_legal_basis"])["gdpr_legal_basis"]["string"], "Base giuridica")


@tagged("post_install", "-at_install")
class TestTranslatedPage(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        activate_italian(cls.env)
        cls.partner.lang = "it_IT"
        cls.form.action_publish()

    def test_pages_are_in_the_language_of_the_person(self):
        _request, grant, preferences = self.ask(self.partner)
        self.assertIn("Possiamo restare in contatto?", self.open_consent(grant).text)
        for page in (self.answer(grant, "accept"), self.open_preferences(preferences)):
            self.assertIn("Novità e offerte", page.text)
            self.assertIn("Telefono", page.text)
            self.assertNotIn("News and offers", page.text)
        copy = self.url_open(f"/gdpr/preferences/{preferences}/copy").text
        self.assertIn("<title>Registrazione del consenso", copy)
        self.assertIn("Consenso prestato: Novità e offerte", copy)
        self.assertIn("Link via e-mail", copy)
