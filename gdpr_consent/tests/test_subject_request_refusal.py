from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from ..models.gdpr_subject_request_refusal import GROUNDS_BY_TYPE
from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestSubjectRequestRefusal(ConsentCase):
    """Nothing is done: only with a ground, in words, and with the remedies named (law.md R-44, R-45)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.gdpr_officer_email = cls.officer.email
        cls.env.company.country_id = cls.env.ref("base.it")
        cls.second = new_test_user(cls.env, login="second_officer", groups="gdpr_consent.group_officer")
        cls.request = cls.env["gdpr.subject.request"].create(
            {"subject_id": cls.partner.gdpr_subject_id.id, "type": "erasure"}
        )

    def refuse(self, ground, explanation="We need it to deliver.", evidence=None, user=None):
        request = self.request.with_user(user or self.officer)
        action = request.action_refuse()
        wizard = Form(self.env[action["res_model"]].with_user(request.env.user).with_context(**action["context"]))
        wizard.ground = ground
        wizard.explanation = explanation
        if evidence is not None:
            wizard.evidence = evidence
        with self.catch_mails():
            wizard.save().action_refuse()

    def test_refused(self):
        self.refuse("legal_obligation", "Invoices must be kept for ten years.")
        self.assertEqual(self.request.state, "refused")
        self.assertTrue(self.request.done_on)
        step = self.request.step_ids[-1]
        self.assertEqual((step.action, step.user_id), ("refused", self.officer))
        self.assertFalse(self.request.activity_ids)
        letter = self._mails[-1]
        self.assertEqual(letter["email_to"], ["anna.rossi@example.com"])
        for told in (
            self.request.name,
            "Invoices must be kept for ten years.",
            "The law makes us keep the data",
            "Garante per la protezione dei dati personali",
            "https://www.garanteprivacy.it",
            "article 77",
            "go to court",
            "articles 78 and 79",
        ):
            self.assertIn(told, letter["body"])

    def test_authority(self):
        company = self.env.company
        company.country_id = self.env.ref("base.fr")
        self.assertEqual(company._gdpr_get_authority()[0], "")
        self.refuse("not_met")
        self.assertIn("the supervisory authority of the country where you live", self._mails[-1]["body"])
        company.write({"gdpr_authority_name": "CNIL", "gdpr_authority_url": "https://www.cnil.fr"})
        self.assertEqual(company._gdpr_get_authority(), ("CNIL", "https://www.cnil.fr"))

    def test_not_without_words(self):
        with self.assertRaises(UserError):
            self.refuse("not_met", "   ")
        with self.assertRaises(UserError):
            self.request._propose_refusal(None, "Because")
        self.assertEqual(self.request.state, "new")

    def test_grounds_go_with_what_is_asked(self):
        with self.assertRaises(UserError):
            self.refuse("accurate")
        self.assertEqual(set(GROUNDS_BY_TYPE), {key for key, _label in self.request._fields["type"].selection})

    def test_unfounded_needs_proof(self):
        with self.assertRaises(UserError):
            self.request._propose_refusal("unfounded", "Abuse")
        self.assertFalse(self.request.refusal_proposed_by_id)

    def test_unfounded_needs_a_second_officer(self):
        self.refuse("excessive", "You asked ten times.", "Ten requests in May")
        self.assertEqual(self.request.state, "new")
        self.assertFalse(self._mails and [m for m in self._mails if m["email_to"] == ["anna.rossi@example.com"]])
        self.assertTrue(self.request.activity_ids.filtered(lambda activity: activity.user_id != self.officer))
        with self.assertRaises(UserError):
            self.request.with_user(self.officer).action_confirm_refusal()
        self.assertEqual(self.request.state, "new")
        with self.catch_mails():
            self.request.with_user(self.second).action_confirm_refusal()
        self.assertEqual(self.request.state, "refused")
        self.assertEqual(self.request.step_ids[-2:].mapped("user_id"), self.second)
        self.assertIn("You asked ten times.", self._mails[-1]["body"])
        self.assertNotIn("Ten requests in May", self._mails[-1]["body"])

    def test_an_administrator_agrees_where_there_is_one_officer(self):
        officers = self.env.ref("gdpr_consent.group_officer").user_ids
        (officers - self.officer).active = False
        administrator = new_test_user(self.env, login="only_administrator", groups="gdpr_consent.group_manager")
        self.refuse("excessive", "You asked ten times.", "Ten requests in May")
        with self.catch_mails():
            self.request.with_user(administrator).action_confirm_refusal()
        self.assertEqual(self.request.state, "refused")

    def test_ground_in_the_language_of_the_person(self):
        """The officer's language, in which the log has the ground, isn't that of the message."""
        self.env["res.lang"]._activate_lang("it_IT")
        self.request.lang = "it_IT"
        ground = self.env.ref("gdpr_consent.selection__gdpr_subject_request__refusal_ground__legal_obligation")
        ground.with_context(lang="it_IT").name = "Ce lo impone la legge"
        self.refuse("legal_obligation")
        self.assertIn("Ce lo impone la legge", self._mails[-1]["body"])

    def test_second_officer_disagrees(self):
        self.refuse("unfounded", "Abuse", "Said so")
        self.request.with_user(self.second).action_drop_refusal()
        self.assertFalse(self.request.refusal_ground)
        self.assertEqual(
            [(step.action, step.user_id) for step in self.request.step_ids[-2:]],
            [("refusal_proposed", self.officer), ("refusal_dropped", self.second)],
        )
        with self.assertRaises(UserError):
            self.request.with_user(self.second).action_confirm_refusal()

    def test_proposal_cannot_be_forged(self):
        """Who proposed isn't changed by writing the field."""
        self.refuse("unfounded", "Abuse", "Said so")
        for values in ({"refusal_proposed_by_id": self.second.id}, {"state": "refused"}):
            with self.assertRaises(AccessError):
                self.request.with_user(self.officer).write(values)

    def test_closed_ones(self):
        self.request.action_cancel()
        with self.assertRaises(UserError):
            self.refuse("not_met")
