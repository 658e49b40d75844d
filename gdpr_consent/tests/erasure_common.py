from odoo.tests import new_test_user

from ..tools.trace_scanner import scan_database, scan_files
from .common import ConsentCase

NAME = "Zelda Quirinale"
EMAIL = "zelda.quirinale@example.com"
PHONE = "+39 347 8812 990"
# Whatever is found of these is a trace of the person.
TERMS = (NAME, EMAIL, PHONE, "Quirinale")


class ErasureCase(ConsentCase):
    """A person who is to be erased, and what shows that nothing is left."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second_officer = new_test_user(
            cls.env, login="second_officer", groups="gdpr_consent.group_officer", email="second@example.com"
        )
        cls.person = cls.env["res.partner"].create(
            {
                "name": NAME,
                "email": EMAIL,
                "phone": PHONE,
                "street": "Via Quirinale 7",
                "city": "Roma",
                "zip": "00184",
                "vat": "IT12345670017",
                "comment": f"<p>Friend of {NAME}'s</p>",
            }
        )
        cls.person.gdpr_legal_basis = "consent"

    def ask_erasure(self, card=None, **values):
        """Give the open request for erasure of a person."""
        with self.catch_mails():
            return (card or self.person).with_user(self.officer)._gdpr_receive_request("erasure", **values)

    def plan(self, request=None):
        """Plan as an officer; give the lines by model."""
        request = (request or self.ask_erasure()).with_user(self.officer)
        request.action_plan()
        return {(line.model, line.part): line for line in request.plan_line_ids}

    def erase(self, request=None):
        """Plan, approve and carry out; give the request."""
        request = request or self.ask_erasure()
        if request.erasure_state != "planned":
            self.plan(request)
        request = request.with_user(self.officer)
        request.action_approve()
        request.action_execute()
        self.run_erasure()
        return request.sudo()

    def run_erasure(self, cron="ir_cron_erasure"):
        """Run the scheduled action, mails being caught."""
        with self.catch_mails(), self.enter_registry_test_mode():
            self.env.ref(f"gdpr_consent.{cron}").method_direct_trigger()
        self.env.invalidate_all()

    def find_traces(self, terms=TERMS, tables=None):
        """Give what is left of the person in the database and the files."""
        self.env.flush_all()
        traces = scan_database(self.env.cr, terms, tables)
        return traces

    def find_files(self, terms=TERMS):
        """Give the files that name the person."""
        return scan_files(self.env["ir.attachment"]._filestore(), terms)
