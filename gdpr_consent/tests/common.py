import re
from contextlib import contextmanager

from odoo.tests import new_test_user

from odoo.addons.mail.tests.common import MailCommon

from ..models.mail_mail import CONSENT_PLACEHOLDER


class ConsentCase(MailCommon):
    """A contact and a lead whose basis is consent, one user per role, and mails that are caught."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.marketing = cls.env.ref("gdpr_consent.purpose_marketing")
        cls.profiling = cls.env.ref("gdpr_consent.purpose_profiling")
        cls.email_channel = cls.env.ref("gdpr_consent.channel_email")
        cls.phone_channel = cls.env.ref("gdpr_consent.channel_phone")
        cls.form = cls.env.ref("gdpr_consent.default_form")
        # Many tests ask again after a no; those of the cool-down set it themselves.
        cls.env["res.company"].search([]).gdpr_cooldown_months = 0
        cls.template = cls.env.ref("gdpr_consent.mail_template_consent_request_partner")
        cls.lead_template = cls.env.ref("gdpr_consent.mail_template_consent_request_lead")
        cls.salesperson = new_test_user(
            cls.env,
            login="privacy_salesperson",
            groups="sales_team.group_sale_salesman,base.group_partner_manager",
            email="salesperson@example.com",
        )
        cls.officer = new_test_user(
            cls.env,
            login="privacy_officer",
            groups="gdpr_consent.group_officer,sales_team.group_sale_manager,base.group_partner_manager",
        )
        cls.manager = new_test_user(
            cls.env, login="privacy_manager", groups="gdpr_consent.group_manager,base.group_system"
        )
        cls.employee = new_test_user(
            cls.env, login="privacy_employee", groups="base.group_user,base.group_partner_manager"
        )
        cls.partner = cls.env["res.partner"].create({"name": "Anna Rossi", "email": "Anna.Rossi@example.com"})
        cls.lead = cls.env["crm.lead"].create(
            {"name": "Inquiry", "contact_name": "Bruno Neri", "email_from": "bruno.neri@example.com"}
        )
        cls.partner.gdpr_legal_basis = "consent"
        cls.lead.gdpr_legal_basis = "consent"

    @classmethod
    def backdate_wordings(cls):
        """Let the forms be published for years, as where the add-on has been at work for long."""
        cls.env.cr.execute("ALTER TABLE gdpr_consent_form_version DISABLE TRIGGER USER")
        cls.env.cr.execute("UPDATE gdpr_consent_form_version SET published_on = published_on - INTERVAL '5 years'")
        cls.env.cr.execute("ALTER TABLE gdpr_consent_form_version ENABLE TRIGGER USER")
        cls.env.invalidate_all()
        cls.env.registry.clear_cache()

    @contextmanager
    def catch_mails(self):
        """Catch what would go to the mail server; ``self._mails`` holds it as dictionaries."""
        with self.mock_mail_gateway(mail_unlink_sent=False):
            yield

    def ask(self, card, **options):
        """Ask a person for consent, the mail leaving.

        :return: the request and the two tokens found in the mail
        """
        with self.catch_mails():
            request = card.gdpr_request_consent(**options).sudo()
        body = self._mails[-1]["body"]
        return request, self.find_token(body, "consent"), self.find_token(body, "preferences")

    def find_token(self, body, page):
        match = re.search(rf"/gdpr/{page}/([\w-]+)", body)
        return match and match[1]

    def assertNoToken(self, text):
        """Check that no working link is in a text, only the placeholder."""
        self.assertEqual(set(re.findall(r"/gdpr/consent/[\w-]+", text)) - {CONSENT_PLACEHOLDER}, set())

    def get_events(self, card):
        """Give the actions in the history of a card, oldest first."""
        return card.sudo().gdpr_subject_id.event_ids.sorted("sequence").mapped("action")

    def assertLedgerSound(self):
        """Check that the ledger verifies and that what is on record is what a replay gives."""
        subjects = self.env["gdpr.subject"]
        self.assertEqual(subjects._verify_ledger(), [])
        before = self._read_projections()
        subjects._rebuild_projections()
        self.assertEqual(self._read_projections(), before)

    def _read_projections(self):
        self.env.flush_all()
        self.env.invalidate_all()
        consents = self.env["gdpr.consent"].search([], order="subject_id, purpose_id")
        return [
            self.env["gdpr.subject"]
            .search([], order="id")
            .read(
                [
                    "root_id",
                    "survivor_id",
                    "legal_basis",
                    "consent_state",
                    "restricted",
                    "objected",
                    "requested_on",
                    "consent_on",
                    "consent_source",
                ]
            ),
            [
                (
                    c.subject_id.id,
                    c.purpose_id.id,
                    c.state,
                    c.channel_ids.ids,
                    c.given_on,
                    c.expires_on,
                    c.renewal_due,
                    c.event_id.id,
                    c.narrowed_by_id.id,
                )
                for c in consents
            ],
        ]
