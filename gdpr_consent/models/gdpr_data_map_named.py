from itertools import islice

from odoo import api, models
from odoo.tools import SQL

from ..tools.redaction import find_emails, find_names, find_phones

# Names asked for at once.
CHUNK = 2000
# More contacts with one name, or one number, aren't told apart: one is enough to take the name out.
MOST_CONTACTS = 5000


class GdprDataMap(models.Model):
    """Noticing the contacts of the database that texts name (articles 15(4) and 20(4), law.md R-53)."""

    _inherit = "gdpr.data.map"

    @api.model
    def _take_in_named(self, texts, reader):
        """Let the reader know the contacts whose whole name, address or number is in some texts.

        What may be one is picked from the texts and looked up by the indexes, exactly: how many contacts there are
        doesn't matter.
        """
        names, emails, phones = set(), set(), set()
        for text in texts:
            names |= find_names(text)
            emails |= find_emails(text)
            phones |= find_phones(text)
        partners = self.env["res.partner"].sudo().with_context(active_test=False)
        partners.flush_model(["name", "email_normalized", "phone", "is_company"])
        # Odoo itself is nobody.
        own = reader.own.get("res.partner", set()) | {self.env.ref("base.partner_root").id}
        found = [
            ids
            for column, values in (("name", names), ("email_normalized", emails))
            for ids in self._look_up(column, values)
        ]
        found.append(self._find_by_address(partners, (), (), ("phone",), phones))
        for partner in partners.browse(sorted(set().union(*found) - own)):
            if not partner.is_company:
                is_addressed = partner.email_normalized in emails
                reader.redactor.add_person(partner.name, [partner.phone or ""], takes_part=is_addressed)

    @api.model
    def _look_up(self, column, values):
        """Yield the ids of the contacts that have one of some values, exactly."""
        remaining = iter(values)
        while chunk := list(islice(remaining, CHUNK)):
            rows = self.env.execute_query(
                SQL(
                    "SELECT id FROM res_partner WHERE %s = ANY(%s) AND is_company IS NOT TRUE LIMIT %s",
                    SQL.identifier(column),
                    chunk,
                    MOST_CONTACTS,
                )
            )
            yield {row[0] for row in rows}
