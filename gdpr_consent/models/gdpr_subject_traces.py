from odoo import models
from odoo.tools import SQL

from .gdpr_blacklist_mixin import BLACKLISTS
from .gdpr_erasure_journal_entry import QUIETLY
from .gdpr_subject_request_retention import PERSONAL


class GdprSubject(models.Model):
    """What the add-on itself holds of a person who is erased."""

    _inherit = "gdpr.subject"

    def _forget_traces(self, request, identified):
        """Erase what the ledger, the requests and the links hold of this person, and the entries on blacklists.

        :param gdpr.subject.request request: the erasure; its address is needed until the person was told
        :param PersonIdentifiers identified: the person's addresses and numbers
        """
        self.ensure_one()
        members = self.member_ids
        members.former_address = False
        events = self._erase_values(actor="system", company_id=request.company_id.id)
        if self not in events.subject_id:
            self._record_acts(
                [
                    {
                        "subject_id": self.id,
                        "action": "erased",
                        "actor": "system",
                        "company_id": request.company_id.id,
                    }
                ]
            )
        quietly = self.env(context={**self.env.context, **QUIETLY})
        quietly["gdpr.link"].sudo().search([("subject_id", "in", members.ids)]).unlink()
        asked = quietly["gdpr.consent.request"].sudo().search([("subject_id", "in", members.ids)])
        asked.mail_mail_ids.unlink()
        asked.write(
            {
                "email": False,
                "declared_note": False,
                "declared_choices": False,
                "failure_reason": False,
                "res_id": False,
                "message_id": False,
            }
        )
        requests = quietly["gdpr.subject.request"].sudo().search([("subject_id", "in", members.ids)])
        requests._forget_messages()
        requests._forget_what_hangs_on()
        # Those that no request led to.
        notices = quietly["gdpr.lifting.notice"].sudo().search([("subject_id", "in", members.ids)])
        notices._gdpr_anonymise(["email", "reason", "statement", "failure_reason"])
        kept = {"subject_id", "email"}
        (requests - request).write({"email": False})
        requests.write({name: False for name in PERSONAL if name not in kept})
        quietly["gdpr.subject.request.declaration"].sudo().search(
            [("email", "in", list(identified.emails - identified.shared_emails))]
        ).unlink()
        self._forget_blacklisted(identified)

    def _forget_blacklisted(self, identified):
        """Take the addresses off Odoo's blacklists, which hold them in clear: the list of erased persons has them."""
        addresses = {
            "mail.blacklist": identified.emails - identified.shared_emails,
            "phone.blacklist": identified.phones,
        }
        for name in dict.fromkeys(BLACKLISTS.values()):
            blacklist = self.env[name].sudo().with_context(**QUIETLY)
            column = SQL.identifier(blacklist._gdpr_address_field)
            values = tuple(addresses[name]) or ("",)
            # Numbers are kept with a plus sign.
            rows = self.env.execute_query(
                SQL("SELECT id FROM %s WHERE ltrim(%s, '+') IN %s", SQL.identifier(blacklist._table), column, values)
            )
            blacklist.browse(row[0] for row in rows).unlink()
