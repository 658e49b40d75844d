from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged

from .erasure_common import EMAIL, NAME, PHONE, ErasureCase


@tagged("post_install", "-at_install")
class TestErasureKeeping(ErasureCase):
    """Invoices stay, only as needed, and not for ever (law.md R-57)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "account.move" not in cls.env:
            cls.skipTest(cls, "Invoicing isn't installed.")
        if not cls.env.company.chart_template:
            cls.env["account.chart.template"].try_loading("generic_coa", cls.env.company)
        moves = cls.env["gdpr.data.map"].search([("model", "=", "account.move")])
        if not moves:
            cls.env["gdpr.data.map"].create(
                {
                    "name": "Invoices",
                    "sequence": 300,
                    "model": "account.move",
                    "domain": "[('state', '=', 'posted')]",
                    "path": "partner_id, partner_shipping_id",
                    "erasure": "keep",
                    "keep_ground": "legal_obligation",
                    "keep_reason": "Article 2220 of the Italian Civil Code",
                    "keep_months": 120,
                    "keep_from": "invoice_date",
                }
            )
        cls.invoice = cls.make_invoice("2026-03-01")

    @classmethod
    def make_invoice(cls, day):
        invoice = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": cls.person.id,
                "invoice_date": day,
                "invoice_line_ids": [(0, 0, {"name": "A boat", "price_unit": 100, "tax_ids": []})],
            }
        )
        invoice.action_post()
        return invoice

    def test_invoice_and_what_it_needs_stay(self):
        file = self.env["ir.attachment"].create(
            {"name": "invoice.pdf", "raw": b"the invoice", "res_model": "account.move", "res_id": self.invoice.id}
        )
        lines = self.plan(request := self.ask_erasure())
        kept = lines["account.move", "all"]
        self.assertEqual((kept.action, str(kept.keep_until)), ("keep", "2036-03-01"))
        self.assertEqual(lines["res.partner", "identity"].action, "keep")
        self.assertEqual(str(lines["res.partner", "identity"].keep_until), "2036-03-01")
        self.assertEqual(lines["ir.attachment", "attached"].action, "keep")
        total = self.invoice.amount_total
        request = self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual(self.invoice.amount_total, total)
        self.assertEqual(file.raw, b"the invoice")
        self.assertEqual(
            (self.person.name, self.person.street, self.person.vat), (NAME, "Via Quirinale 7", "IT12345670017")
        )
        self.assertFalse(self.person.email or self.person.phone or self.person.comment or self.person.active)
        self.assertTrue(self.person.gdpr_restricted)
        self.assertEqual(self.find_traces(terms=(EMAIL, PHONE)), [])
        self.assertIn("Kept until 03/01/2036", request.resolution)
        self.assertNotIn("..", request.resolution)
        self.assertIn("2220", request.resolution)
        self.assertFalse(self.person.gdpr_may_contact(self.marketing, self.email_channel)[self.person.id]["allowed"])

    def test_in_the_end_it_goes(self):
        request = self.erase()
        with freeze_time("2036-02-28 10:00:00"):
            self.run_erasure("ir_cron_end_keeping")
        self.assertEqual(self.person.name, NAME)
        with freeze_time("2036-03-02 10:00:00"):
            self.run_erasure("ir_cron_end_keeping")
        self.assertEqual([str(trace) for trace in self.find_traces()], [])
        self.assertTrue(self.invoice.exists())
        ended = request.step_ids.filtered(lambda step: step.action == "keeping_ended")
        self.assertTrue(any(note.endswith("(1)") for note in ended.mapped("note")), ended.mapped("note"))

    def test_newer_document_keeps_the_name(self):
        """A credit note made after the erasure needs the customer longer than the invoice did."""
        request = self.erase()
        newer = self.make_invoice("2027-06-01")
        with freeze_time("2036-03-02 10:00:00"):
            self.run_erasure("ir_cron_end_keeping")
        self.assertEqual(self.person.name, NAME)
        self.assertEqual(newer.partner_id, self.person)
        self.assertNotEqual(self.invoice.partner_id, self.person)
        self.assertIn("made after the erasure", str(request.activity_ids.mapped("summary")))

    def test_what_is_over_isnt_kept(self):
        old = self.make_invoice("2012-03-01")
        lines = self.plan()
        self.assertEqual(lines["account.move", "expired"].res_ids, old.ids)
        self.assertNotEqual(lines["account.move", "expired"].action, "keep")
        self.assertEqual(lines["account.move", "all"].res_ids, self.invoice.ids)

    def test_what_the_law_keeps_cant_be_erased(self):
        file = self.env["ir.attachment"].create(
            {"name": "invoice.pdf", "raw": b"the invoice", "res_model": "account.move", "res_id": self.invoice.id}
        )
        lines = self.plan(request := self.ask_erasure())
        for key in (("account.move", "all"), ("res.partner", "identity"), ("ir.attachment", "attached")):
            for action in ("delete", "anonymise"):
                with self.assertRaisesRegex(UserError, "the law makes you keep"):
                    lines[key].action = action
        self.erase(request)
        self.assertEqual((self.invoice.state, file.exists(), self.person.name), ("posted", file, NAME))

    def test_what_the_law_keeps_cant_end_before(self):
        """Neither at once nor after another ground was chosen; the name the invoice needs as little."""
        lines = self.plan(request := self.ask_erasure())
        for key in (("account.move", "all"), ("res.partner", "identity")):
            line = lines[key]
            self.assertEqual(str(line.obliged_until), "2036-03-01")
            for values in (
                {"keep_until": "2036-02-29"},
                {"ground": "legal_claims", "reason": "Lawsuit 7", "keep_until": "2030-01-01"},
                {"keep_until": False},
            ):
                with self.assertRaisesRegex(UserError, "can't end before"), self.env.cr.savepoint():
                    line.write(values)
            line.write({"ground": "legal_claims", "reason": "Lawsuit 7"})
            for values in ({"keep_until": "2030-01-01"}, {"action": "anonymise"}):
                with self.assertRaisesRegex(UserError, "the law makes you keep"), self.env.cr.savepoint():
                    line.write(values)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            lines["account.move", "all"].obliged_until = False
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            lines["account.move", "all"].map_id.keep_months = 12
        # What an administrator says of it counts when it is planned again; what was decided stands where it can.
        lines["account.move", "all"].map_id.sudo().keep_months = 240
        line = self.plan(request)["account.move", "all"]
        self.assertEqual((str(line.keep_until), line.reason), ("2046-03-01", "Lawsuit 7"))
        line.map_id.sudo().keep_months = 180
        line = self.plan(request)["account.move", "all"]
        line.keep_until = "2041-03-01"
        self.assertEqual(str(line.keep_until), "2041-03-01")

    def test_longer_than_the_law_demands(self):
        """Only with the officer's own reason; who has corrected what, from what to what, is in the log."""
        lines = self.plan(request := self.ask_erasure())
        line = lines["account.move", "all"]
        name = line.name
        with self.assertRaisesRegex(UserError, "why"), self.env.cr.savepoint():
            line.keep_until = "2038-01-01"
        line.write({"keep_until": "2038-01-01", "reason": "The tax office examines 2026"})
        step = request.step_ids.filtered(lambda step: step.action == "plan_corrected")
        self.assertEqual(step.user_id, self.officer)
        self.assertIn(f"{name} (1): ", step.note)
        self.assertIn("03/01/2036 → 01/01/2038", step.note)
        self.assertIn("→ The tax office examines 2026", step.note)
        # The name and the file stay as long.
        self.plan(request)
        request = self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertIn("The tax office examines 2026", request.resolution)

    def test_what_a_document_needs_is_kept_as_long(self):
        """Also when its end is put off after the plan was made: approving makes the plan anew."""
        lines = self.plan(request := self.ask_erasure())
        lines["account.move", "all"].write({"keep_until": "2038-01-01", "reason": "The tax office examines 2026"})
        request.with_user(self.officer).action_approve()
        self.assertEqual(request.erasure_state, "planned")
        identity = request.plan_line_ids.filtered(lambda line: (line.model, line.part) == ("res.partner", "identity"))
        self.assertEqual(str(identity.keep_until), "2038-01-01")
        request.with_user(self.officer).action_approve()
        self.assertEqual(request.erasure_state, "approved")

    def test_another_reason_moves_no_end(self):
        later = self.make_invoice("2026-09-01")
        lines = self.plan(request := self.ask_erasure())
        lines["account.move", "all"].reason = "Article 2220 of the Civil Code, and the tax office"
        self.assertEqual(self.erase(request).erasure_state, "finished")
        entries = request.erasure_journal_id.sudo().entry_ids.filtered(lambda entry: entry.model == "account.move")
        self.assertEqual(
            {(str(entry.keep_until), *entry.res_ids) for entry in entries},
            {("2036-03-01", self.invoice.id), ("2036-09-01", later.id)},
        )

    def test_correction_of_before_gives_way_to_the_law(self):
        """What was corrected while the map named another ground doesn't outlive a law the map names since."""
        places = self.env["gdpr.data.map"].search([("model", "=", "account.move"), ("erasure", "=", "keep")])
        places.keep_ground = "legal_claims"
        request = self.ask_erasure()
        self.plan(request)["account.move", "all"].action = "anonymise"
        places.keep_ground = "legal_obligation"
        request.with_user(self.officer).action_approve()
        self.assertEqual(request.erasure_state, "planned")
        line = self.plan(request)["account.move", "all"]
        self.assertEqual((line.action, line.ground, str(line.keep_until)), ("keep", "legal_obligation", "2036-03-01"))

    def test_who_approves_is_told_what_was_to_be_kept(self):
        places = self.env["gdpr.data.map"].search([("model", "=", "account.move"), ("erasure", "=", "keep")])
        places.keep_ground = "legal_claims"
        lines = self.plan(request := self.ask_erasure())
        self.assertFalse(request.erasure_warning)
        lines["account.move", "all"].action = "anonymise"
        self.assertIn(f"{lines['account.move', 'all'].name} (1)", request.erasure_warning)
        request.with_user(self.second_officer).action_plan()
        request.with_user(self.officer).action_approve()
        self.assertIn("corrected so that it is erased", str(request.sudo().step_ids.mapped("note")))

    def test_what_odoo_refuses_to_delete_can_be_planned_again(self):
        places = self.env["gdpr.data.map"].search([("model", "=", "account.move"), ("erasure", "=", "keep")])
        places.keep_ground = "legal_claims"
        message = self.person.message_post(body="Hello")
        request = self.ask_erasure()
        line = self.plan(request)["account.move", "all"]
        line.action = "delete"
        self.erase(request)
        self.assertEqual(request.erasure_state, "blocked")
        self.assertFalse(message.exists())
        stopped = request.erasure_journal_id
        request.with_user(self.officer).action_plan()
        for state in ("planned", "approved"):
            self.assertEqual(request.erasure_state, state)
            with self.assertRaisesRegex(UserError, "records are erased already"), self.env.cr.savepoint():
                request.with_user(self.officer).action_cancel()
            if state == "planned":
                request.with_user(self.officer).action_approve()
        request.with_user(self.officer).action_plan()
        line = self.plan(request)["account.move", "all"]
        line.write(
            {"action": "keep", "ground": "legal_claims", "keep_until": "2036-03-01", "reason": "A claim for payment"}
        )
        self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual((self.invoice.state, self.person.email), ("posted", False))
        # What the first attempt did is on record; what is left of it is the second one's.
        self.assertEqual(set(stopped.entry_ids.mapped("state")), {"done"})
        self.assertTrue(stopped.finished_on)

    def test_what_is_anonymous_leads_to_nobody(self):
        """The card stays for the invoice that is kept, but what is over doesn't lead there any more."""
        old = self.make_invoice("2012-03-01")
        self.assertEqual(old.invoice_partner_display_name, NAME)
        amount = old.amount_total
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual((self.invoice.partner_id, self.person.name), (self.person, NAME))
        nobody = self.env.company.gdpr_anonymous_contact_id
        self.assertEqual((nobody.name, nobody.active, old.partner_id), ("Erased", False, nobody))
        self.assertNotIn(self.person, old.commercial_partner_id | old.partner_shipping_id | old.line_ids.partner_id)
        self.assertNotEqual(old.invoice_partner_display_name, NAME)
        self.assertEqual((old.state, old.amount_total), ("posted", amount))

    def assert_hashes_verify(self):
        self.env.user.group_ids += self.env.ref("account.group_account_user")
        results = self.env.company._check_hash_integrity()["results"]
        self.assertEqual({result["status"] for result in results} & {"corrupted"}, set())
        self.assertIn("verified", {result["status"] for result in results})

    def test_secured_entries_stay_as_the_plan_says(self):
        """Their hash covers whom they lead to, and their labels: it verifies before and after their end."""
        old = self.make_invoice("2012-03-01")
        old.ref = "Order 7"
        moves = old | self.invoice
        moves.button_hash()
        self.assertTrue(all(moves.mapped("inalterable_hash")))
        old_lines = old.line_ids
        lines = self.plan(request := self.ask_erasure())
        sealed = lines["account.move.line", "sealed"]
        self.assertEqual(set(sealed.res_ids), set(old_lines.filtered("partner_id").ids))
        self.assertEqual(
            (sealed.action, sealed.ground, str(sealed.keep_until)), ("keep", "legal_obligation", "2036-03-01")
        )
        self.assertIn(sealed.name, request.erasure_warning)
        with self.assertRaisesRegex(UserError, "the law makes you keep"), self.env.cr.savepoint():
            sealed.action = "anonymise"
        request = self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assert_hashes_verify()
        self.assertEqual((old_lines.partner_id, self.person.name), (self.person, NAME))
        self.assertTrue(self.person.gdpr_restricted)
        self.assertFalse(old.ref)
        self.assertIn(sealed.name, request.resolution)
        with freeze_time("2036-03-02 10:00:00"):
            self.run_erasure("ir_cron_end_keeping")
        self.assertEqual(set(request.erasure_journal_id.entry_ids.mapped("state")), {"done"})
        self.assert_hashes_verify()
        self.assertEqual((old_lines.partner_id, self.person.name), (self.person, "Erased"))
        self.assertEqual([str(trace) for trace in self.find_traces()], [])

    def test_secured_entries_of_somebody_of_whom_nothing_is_kept(self):
        """They lead to a contact that says nothing any more."""
        self.invoice.button_draft()
        self.invoice.unlink()
        old = self.make_invoice("2012-03-01")
        old.button_hash()
        lines = self.plan(request := self.ask_erasure())
        self.assertNotIn(("account.move.line", "sealed"), lines)
        self.assertIn(lines["account.move.line", "expired"].name, request.erasure_warning)
        with self.assertRaisesRegex(UserError, "secured"), self.env.cr.savepoint():
            lines["account.move.line", "expired"].action = "delete"
        request = self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assert_hashes_verify()
        self.assertEqual(self.person.exists().name, "Erased")

    def test_secured_line_of_a_bank_statement(self):
        """What the bank wrote about the person goes, what the hash covers stays."""
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.env.company.id)], limit=1
        )
        statement_line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": journal.id,
                "date": "2012-03-01",
                "payment_ref": "A boat",
                "partner_id": self.person.id,
                "partner_name": NAME,
                "amount": 100,
            }
        )
        _liquidity, suspense, _others = statement_line._seek_for_lines()
        # Odoo secures what is reconciled.
        suspense.account_id = self.invoice.line_ids.account_id.filtered(
            lambda account: account.account_type == "income"
        )
        statement_line.move_id.button_hash()
        self.assertTrue(statement_line.move_id.inalterable_hash)
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assert_hashes_verify()
        self.assertNotEqual(statement_line.partner_name, NAME)

    def test_link_of_another_record_to_a_card_that_stays(self):
        lead = self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        request = self.ask_erasure()
        self.plan(request)["crm.lead", "all"].action = "anonymise"
        self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual(self.person.name, NAME)
        self.assertTrue(lead.exists())
        self.assertFalse(lead.partner_id)

    def test_reasons_in_the_language_of_the_person(self):
        """And what is noted for the officers in theirs."""
        self.env["res.lang"]._activate_lang("it_IT")
        places = self.env["gdpr.data.map"].search([("model", "=like", "account.%"), ("erasure", "=", "keep")])
        places.with_context(lang="it_IT").keep_reason = "Dieci anni, dice la legge"
        done = self.env["ir.model.fields.selection"].search(
            [("field_id.model", "=", "gdpr.subject.request"), ("field_id.name", "=", "state"), ("value", "=", "done")]
        )
        done.with_context(lang="it_IT").name = "Evasa"
        self.person.lang = "it_IT"
        request = self.ask_erasure()
        self.assertEqual(request.lang, "it_IT")
        self.erase(request)
        for line in request._get_erasure_summary():
            if line["action"] == "keep":
                self.assertEqual(line["reason"], "Dieci anni, dice la legge")
        self.assertIn("Dieci anni", request.resolution)
        self.assertNotIn("2220", request.resolution)
        self.flush_tracking()
        values = request.message_ids.sudo().tracking_value_ids
        states = set(values.filtered(lambda value: value.field_id.name == "state").mapped("new_value_char"))
        self.assertIn("Done", states)
        self.assertNotIn("Evasa", states)


@tagged("post_install", "-at_install")
class TestErasureOfQuotations(ErasureCase):
    """What isn't an order yet keeps nobody on record."""

    def test_request_for_quotation(self):
        if "purchase.order" not in self.env:
            self.skipTest("Odoo's app Purchase isn't installed")
        orders = self.env["purchase.order"]
        line = {"name": "Chairs", "product_qty": 1, "price_unit": 10, "date_planned": fields.Datetime.now()}
        line["product_id"] = self.env["product.product"].create({"name": "Chair"}).id
        order = orders.create({"partner_id": self.person.id, "order_line": [(0, 0, line)]})
        lines = self.plan()
        for records in (order, order.order_line, self.person):
            found = [line for line in lines.values() if line.model == records._name and records.id in line.res_ids]
            self.assertEqual([line.action for line in found], ["anonymise"], records._name)
