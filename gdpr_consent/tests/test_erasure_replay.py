import io

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..tools.server_context import SERVER
from .erasure_common import EMAIL, NAME, ErasureCase


@tagged("post_install", "-at_install")
class TestErasureReplay(ErasureCase):
    """Who was erased and is back from a backup is erased again (law.md R-59)."""

    def export(self):
        file = io.BytesIO()
        self.env["gdpr.erasure.journal"]._export(file)
        return file

    def replay(self, file):
        journals = self.env["gdpr.erasure.journal"]
        requests = self.env["gdpr.subject.request"]
        lines = journals._read_export(file)
        index = journals._index_cards(lines)
        for line in lines:
            requests |= journals._replay(line, index)
        self.run_erasure()
        return requests

    def restore(self):
        """Bring the person back as a backup does: the record as it was, and nothing known of the erasure."""
        self.env.cr.execute(
            "UPDATE res_partner SET name = %s, email = %s, email_normalized = %s, active = TRUE WHERE id = %s",
            [NAME, EMAIL, EMAIL, self.person.id],
        )
        self.env.cr.execute("DELETE FROM gdpr_erasure_journal_entry")
        self.env.cr.execute("UPDATE gdpr_subject_request SET erasure_journal_id = NULL")
        self.env.cr.execute("DELETE FROM gdpr_erasure_journal")
        self.env.cr.execute("DELETE FROM gdpr_suppression")
        self.env.registry.clear_cache()
        self.env.invalidate_all()

    def test_person_is_gone_again(self):
        self.erase()
        file = self.export()
        self.restore()
        self.assertEqual(self.person.name, NAME)
        requests = self.replay(file)
        self.assertEqual(requests.mapped("erasure_state"), ["finished"], requests.mapped("erasure_note"))
        self.assertEqual([str(trace) for trace in self.find_traces()], [])
        self.assertTrue(self.env["gdpr.suppression"].search_count([]))

    def test_person_under_another_number_is_found_by_address(self):
        self.erase()
        file = self.export()
        self.restore()
        self.person.with_context(gdpr_erasing=SERVER).write({"email": False, "name": "Husk"})
        back = self.env["res.partner"].create({"name": NAME, "email": EMAIL})
        self.replay(file)
        self.assertNotEqual(back.name, NAME)

    def test_cards_that_nothing_ties(self):
        """A lead that only the name and the address lead to goes with the person, by one request, at the first run."""
        lead = self.env["crm.lead"].create({"name": "Boat", "contact_name": NAME, "email_from": EMAIL})
        line = self.plan(request := self.ask_erasure())["crm.lead", "all"]
        self.assertEqual(line.res_ids, lead.ids)
        line.action = "anonymise"
        self.erase(request)
        file = self.export()
        self.restore()
        self.env.cr.execute(
            "UPDATE crm_lead SET name = 'Boat', contact_name = %s, email_from = %s, email_normalized = %s"
            " WHERE id = %s",
            [NAME, EMAIL, EMAIL, lead.id],
        )
        self.env.invalidate_all()
        requests = self.replay(file)
        self.assertEqual(requests.mapped("erasure_state"), ["finished"], requests.mapped("erasure_note"))
        self.assertEqual([str(trace) for trace in self.find_traces()], [])

    def test_doubtful_records_are_decided_again(self):
        """What an officer said is the person's goes again, what was somebody else's stays."""
        self.env["res.partner"].create({"name": "Somebody Else", "email": EMAIL})
        leads = self.env["crm.lead"].create(
            [{"name": "Boat", "email_from": EMAIL}, {"name": "Car", "email_from": EMAIL}]
        )
        theirs, others = leads
        request = self.ask_erasure()
        line = self.plan(request)["crm.lead", "all"]
        line.action = "anonymise"
        doubts = line.doubt_ids.grouped("res_id")
        doubts[theirs.id].action_theirs()
        request.plan_line_ids.doubt_ids.filtered(lambda doubt: not doubt.decision).action_others()
        self.erase(request)
        self.assertEqual([bool(lead.email_from) for lead in leads], [False, True])
        file = self.export()
        self.restore()
        self.env.cr.execute(
            "UPDATE crm_lead SET email_from = %s, email_normalized = %s WHERE id = %s", [EMAIL, EMAIL, theirs.id]
        )
        self.env.invalidate_all()
        requests = self.replay(file)
        self.assertEqual(requests.mapped("erasure_state"), ["finished"], requests.mapped("erasure_note"))
        self.assertEqual([bool(lead.email_from) for lead in leads], [False, True])

    def test_customer_of_another_company_stays(self):
        """The journal knows the address for the company that erased, and only looks there."""
        company = self.env["res.company"].create({"name": "Other"})
        self.person.company_id = self.env.company
        kept = self.env["res.partner"].create({"name": NAME, "email": EMAIL, "company_id": company.id})
        self.erase()
        file = self.export()
        self.restore()
        self.person.with_context(gdpr_erasing=SERVER).write({"email": False, "name": "Husk"})
        back = self.env["res.partner"].create({"name": NAME, "email": EMAIL, "company_id": self.env.company.id})
        self.replay(file)
        self.assertNotEqual(back.name, NAME)
        self.assertEqual((kept.name, kept.email), (NAME, EMAIL))

    def test_newer_record_with_the_same_number_stays(self):
        self.erase()
        file = self.export()
        self.restore()
        self.env.cr.execute(
            "UPDATE res_partner SET name = 'Newer', email = 'n@example.com', email_normalized = 'n@example.com',"
            " create_date = create_date + INTERVAL '1 day' WHERE id = %s",
            [self.person.id],
        )
        self.env.invalidate_all()
        self.assertFalse(self.replay(file))
        self.assertEqual(self.person.name, "Newer")

    def test_known_erasure_isnt_repeated(self):
        self.erase()
        file = self.export()
        self.env["gdpr.suppression"].search([]).unlink()
        self.person.write({"name": NAME, "email": EMAIL})
        self.assertFalse(self.replay(file))
        self.assertEqual(self.person.name, NAME)

    def test_changed_file_is_refused(self):
        self.erase()
        file = self.export()
        # Behind the head of the packed file, of which most says nothing: wherever it is damaged.
        for place in range(10, len(file.getvalue()) - 8):
            content = bytearray(file.getvalue())
            content[place] ^= 1
            with self.subTest(place=place), self.assertRaises(UserError):
                self.env["gdpr.erasure.journal"]._read_export(io.BytesIO(bytes(content)))
