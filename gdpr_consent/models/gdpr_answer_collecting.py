import logging

from psycopg2 import OperationalError

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all, email_split_tuples

from ..tools.cells import make_cell
from ..tools.person_identifiers import get_phone_digits
from ..tools.redaction import Redactor
from .gdpr_answer import ORIGINS
from .gdpr_data_map_reading import Reader

_logger = logging.getLogger(__name__)

BATCH = 500
# More colleagues than that aren't looked for in every text.
COLLEAGUES = 2000
TITLE_LENGTH = 100


class GdprAnswer(models.Model):
    """Reading all that is held of a person, in batches that commit: after a crash it goes on where it was."""

    _inherit = "gdpr.answer"

    @api.model
    def _cron_build(self):
        """Read what is held for the answers that wait, write their files, and delete what has expired."""
        job = self.env["ir.cron"]
        self._discard_expired()
        job._commit_progress(0, remaining=self._count_remaining())
        for answer in self.search(self._get_unbuilt_domain(), order="id"):
            reader = None
            while answer._lock():
                reader = reader or answer._make_reader()
                done = answer._work_safely(reader)
                if not job._commit_progress(done, remaining=self._count_remaining()):
                    return

    @api.model
    def _get_unbuilt_domain(self):
        return [("state", "in", ["collecting", "assembling"])]

    @api.model
    def _count_remaining(self):
        [(total, done, count)] = self._read_group(
            self._get_unbuilt_domain(), [], ["total_count:sum", "done_count:sum", "__count"]
        )
        return total - done + count

    def _build_now(self):
        """Go on with these answers until somebody must look, or the files are there. For small ones."""
        for answer in self:
            reader = answer._make_reader()
            while answer.state in ("collecting", "assembling"):
                answer._work(reader)

    def _lock(self):
        """Lock the answer; tell whether there is work left to do."""
        if not self.try_lock_for_update():
            return False
        self.invalidate_recordset()
        return self.state in ("collecting", "assembling")

    def _work_safely(self, reader):
        """Do the next piece of work; where it can't be done the answer says why, and the others go on."""
        try:
            with self.env.cr.savepoint():
                done = self._work(reader)
        except OperationalError:
            raise
        except Exception as error:
            self.env.invalidate_all(flush=False)
            if not isinstance(error, UserError):
                _logger.exception("The answer %s can't be written.", self.id)
            self.write({"state": "failed", "failure_reason": str(error)})
            done = 0
        self.env.invalidate_all()
        return done

    def _work(self, reader):
        """Do the next piece of work; give how many records were read."""
        if self.state == "assembling":
            self._speak()._write_files()
            return 1
        place = next((place for place in self.place_ids if place.done_count < len(place.record_ids)), None)
        if place is None:
            self.state = "review" if self.item_ids else "assembling"
            return 0
        return self._collect_batch(place, reader)

    # ------------------------------------------------------------
    # FINDING
    # ------------------------------------------------------------

    def _find_data(self):
        """Note where something is held of the person, and what of it is read."""
        if self.kind == "rectification":
            # The cards alone: they are read when the file is written.
            return
        answer = self._speak()
        request = answer.request_id
        found = self.env["gdpr.data.map"]._find(
            request.subject_id, company=request.company_id, emails=email_normalize_all(request.email or "")
        )
        vals_list = []
        for place, ids, doubtful_ids in found:
            speaking = place.with_env(answer.env)
            columns, left_out = speaking._get_columns(ORIGINS[self.kind])
            vals_list.append(
                {
                    "answer_id": self.id,
                    "map_id": place.id,
                    "sequence": len(vals_list),
                    "name": speaking.name,
                    "model": place.model,
                    "is_card": place.is_card,
                    "columns": columns,
                    "left_out": left_out,
                    "record_ids": ids,
                    "doubtful_ids": sorted(doubtful_ids),
                }
            )
        places = self.env["gdpr.answer.place"].sudo().create(vals_list)
        total = sum(len(place.record_ids) for place in places)
        self.write({"total_count": total, "done_count": 0})

    # ------------------------------------------------------------
    # WHO ELSE
    # ------------------------------------------------------------

    def _make_reader(self):
        """Give how this answer's data is read: whose it is, and who else may be named in it."""
        answer = self._speak()
        own = {}
        for place in answer.place_ids:
            certain = set(place.record_ids) - set(place.doubtful_ids or ())
            own.setdefault(place.model, set()).update(certain)
        subject = answer.request_id.subject_id
        person = self.env["gdpr.data.map"]._identify(subject, email_normalize_all(answer.request_id.email or ""))
        earlier_emails, earlier_phones = self.env["gdpr.data.map"]._find_earlier_addresses(person)
        person.add("res.partner.bank", own.get("res.partner.bank", ()))
        users = self.env["res.users"].sudo().with_context(active_test=False)
        own_users = users.search([("partner_id", "in", list(own.get("res.partner", ())))])
        own.setdefault("res.users", set()).update(own_users.ids)
        outsiders = users.search([("share", "=", True)])
        self.env["gdpr.data.map"]._identify_accounts(person)
        company = answer.company_id
        redactor = Redactor(
            person.names,
            person.emails | earlier_emails | answer._get_company_addresses(),
            person.phones
            | earlier_phones
            | set(filter(None, map(get_phone_digits, (company.phone, company.partner_id.phone)))),
            person.accounts | set(company.partner_id.bank_ids.mapped("sanitized_acc_number")),
            company.country_id.code,
            answer.mark,
        )
        answer._take_in_others(redactor, own)
        for name in answer._find_writers(own.get("mail.message", ())) - set(person.names):
            redactor.add_person(name, takes_part=True)
        visitors = outsiders.filtered(lambda user: user._is_public())
        return Reader(
            answer.lang,
            own,
            redactor,
            frozenset(outsiders.ids),
            is_wary=True,
            visitors=frozenset(visitors.ids),
        )

    def _get_company_addresses(self):
        """Give the addresses of the company itself and of Odoo, which name nobody."""
        company = self.company_id
        texts = (
            company.email,
            company.gdpr_sender,
            company.gdpr_officer_email,
            company.catchall_email,
            company.bounce_email,
            company.default_from_email,
            company.partner_id.email,
            self.env.ref("base.partner_root").email,
        )
        aliases = self.env["mail.alias"].sudo().search_fetch([("alias_full_name", "!=", False)], ["alias_full_name"])
        texts = (*texts, *aliases.mapped("alias_full_name"))
        return {address for text in texts for address in email_normalize_all(text or "")}

    def _take_in_others(self, redactor, own):
        """Tell who isn't the person: colleagues, contacts of the same company, who takes part in conversations."""
        own_partners = own.get("res.partner", set())
        partners = self.env["res.partner"].sudo().with_context(active_test=False)
        robot = self.env.ref("base.partner_root").id
        staff = self.env["res.users"].sudo().with_context(active_test=False).search([("share", "=", False)])
        talking = self._find_talking(own.get("mail.message", ()))
        parents = partners.browse(own_partners).commercial_partner_id.filtered("is_company")
        colleagues = partners
        if parents:
            colleagues = partners.search([("parent_id", "child_of", parents.ids)], limit=COLLEAGUES)
        others = (staff.partner_id | talking | colleagues).filtered(
            lambda partner: not partner.is_company and partner.id not in own_partners and partner.id != robot
        )
        for partner in others:
            redactor.add_person(partner.name, [partner.phone or ""], partner in talking)

    def _find_talking(self, message_ids):
        """Give the contacts that wrote or got some of these messages."""
        rows = self._query_messages(
            "SELECT author_id FROM mail_message WHERE id IN %(ids)s AND author_id IS NOT NULL"
            " UNION SELECT res_partner_id FROM mail_message_res_partner_rel WHERE mail_message_id IN %(ids)s",
            message_ids,
        )
        return self.env["res.partner"].sudo().browse([row[0] for row in rows]).exists()

    def _find_writers(self, message_ids):
        """Give the names of those who wrote without being contacts."""
        rows = self._query_messages(
            "SELECT DISTINCT email_from FROM mail_message WHERE id IN %(ids)s AND author_id IS NULL"
            " AND email_from IS NOT NULL",
            message_ids,
        )
        return {name for (text,) in rows for name, _email in email_split_tuples(text) if name}

    def _query_messages(self, statement, message_ids):
        if not message_ids:
            return []
        return self.env.execute_query(SQL(statement, ids=tuple(message_ids)))

    # ------------------------------------------------------------
    # READING
    # ------------------------------------------------------------

    def _collect_batch(self, place, reader):
        """Read the next records of a place; set aside what somebody must look at."""
        ids = place.record_ids[place.done_count : place.done_count + BATCH]
        source = place.map_id.with_context(lang=self.lang)
        rows, redactions = source._read_records(ids, place.columns or [], reader) if source else ([], 0)
        doubtful = set(place.doubtful_ids or ())
        by_odoo = self._find_written_by_odoo(place.model, ids)
        with_file = source._find_with_file(ids, place.columns or [])
        items = []
        for row in rows:
            file_name = row["values"].get("name")
            if row["id"] in doubtful:
                items.append(self._prepare_item(place, row, "record"))
            for column in place.columns or ():
                if column["type"] == "binary":
                    if row["id"] not in with_file[column["name"]]:
                        continue
                    item = self._prepare_item(place, row, "file", column)
                    items.append({**item, "title": (isinstance(file_name, str) and file_name) or item["title"]})
                elif column["is_free_text"] and row["values"][column["name"]]:
                    item = self._prepare_item(place, row, "text", column, reader.redactor)
                    if row["id"] in by_odoo and item["decision"] == "include":
                        continue
                    items.append(item)
                    # What goes out is what somebody has looked at, whatever becomes of the record.
                    row["values"][column["name"]] = None
        self.env["gdpr.answer.item"].sudo().create(items)
        self.env["gdpr.answer.part"].sudo().create({"place_id": place.id, "rows": rows})
        place.write({"done_count": place.done_count + len(ids), "redaction_count": place.redaction_count + redactions})
        self.done_count += len(ids)
        return len(ids)

    @api.model
    def _find_written_by_odoo(self, model, ids):
        """Give which of these records are messages that Odoo wrote itself, such as “Contact created”: nobody needs to
        look at them, unless they name somebody.
        """
        if model != "mail.message":
            return set()
        messages = self.env["mail.message"].sudo()
        return set(messages.search([("id", "in", ids), ("message_type", "in", ("notification", "auto_comment"))]).ids)

    def _prepare_item(self, place, row, kind, column=None, redactor=None):
        title = " · ".join(filter(None, [place.name, (row["recorded_on"] or "")[:10], column and column["label"]]))
        values = {
            "answer_id": self.id,
            "place_id": place.id,
            "res_id": row["id"],
            "field": column and column["name"],
            "kind": kind,
            "title": title[:TITLE_LENGTH],
            "decision": False,
        }
        if kind == "record":
            cells = [(column["label"], make_cell(row["values"][column["name"]])) for column in place.columns or ()]
            return {**values, "original_text": "\n".join(f"{label}: {cell}" for label, cell in cells if cell)}
        if kind == "file":
            return values
        text = row["values"][column["name"]]
        redacted, count = redactor.propose(text)
        return {
            **values,
            "original_text": text,
            "proposed_text": redacted if count else False,
            "outgoing_text": redacted,
            "decision": "redact" if count else "include",
        }
