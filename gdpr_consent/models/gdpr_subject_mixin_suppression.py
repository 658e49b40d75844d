import uuid
from collections import defaultdict

from odoo import api, models
from odoo.http import request
from odoo.tools import format_date

from ..tools.server_context import is_set

# In the context (a mark of the server): the record is made because the person wrote.
INCOMING = "gdpr_incoming"
# In the context (a mark of the server): the record is being erased.
ERASING = "gdpr_erasing"
# The personal value that marks what was recorded because the person had been erased.
SUPPRESSION = "suppression"


class GdprSubjectMixin(models.AbstractModel):
    """New cards with the address or number of a person who was erased (law.md R-60).

    They aren't refused, for the person may come back: they object to marketing, and where the company itself has
    brought the person back, the processing is suspended too. A consent that the person gives ends it.
    """

    _inherit = "gdpr.subject.mixin"

    @api.model_create_multi
    def create(self, vals_list):
        cards = super().create(vals_list)
        cards._gdpr_suppress()
        return cards

    def write(self, vals):
        result = super().write(vals)
        # The country says what a number without prefix is.
        telling = {
            self._gdpr_email_field,
            *self._gdpr_get_phone_fields(),
            self._phone_get_country_field(),
            "company_id",
        }
        if not telling.isdisjoint(vals) and not is_set(self.env, ERASING):
            self._gdpr_suppress()
        return result

    def _gdpr_get_identifying_texts(self):
        """Give the addresses and numbers of one card as they are written: pairs of kind and text."""
        self.ensure_one()
        return [("email", self[self._gdpr_email_field])] + [("phone", number) for number in self._gdpr_get_phones()]

    def _gdpr_get_phones(self):
        """Give the numbers of one card: as they are written, and one without prefix as it is dialled from abroad too.

        By the country of the record, or else of its company: Odoo goes by the company the user looks at.
        """
        self.ensure_one()
        numbers = {self[name] for name in self._gdpr_get_phone_fields()} - {False}
        national = {number for number in numbers if not number.strip().startswith("+")}
        if national:
            country = self._phone_get_country().get(self.id) or self._gdpr_get_company().country_id
            numbers |= {self._phone_format(number=number, country=country) for number in national} - {False}
        return numbers

    def _gdpr_suppress(self):
        """Mark those of the cards that bear the address or number of an erased person. One query, for any number."""
        suppressions = self.env["gdpr.suppression"]
        if not self or not suppressions._is_in_use():
            return
        cards = self.sudo()
        known = {}
        for company, own in cards.grouped(lambda card: card._gdpr_get_company()).items():
            known |= suppressions._recognise({card: card._gdpr_get_identifying_texts() for card in own}, company)
        if not known:
            return
        by_day = defaultdict(self.sudo().browse)
        for card, day in known.items():
            by_day[day] |= card
        for day, found in by_day.items():
            found._gdpr_record_suppression(day)

    def _gdpr_record_suppression(self, day):
        people = self._gdpr_ensure_subjects().root_id._lock_people()
        reason = self.env._(
            "A person with this address or number was erased on %(day)s. No marketing, unless the person agrees.",
            day=format_date(self.env, day),
        )
        common = {"actor": "system", "source": "import" if self.env.context.get("import_file") else None}
        values = {"reason": reason, SUPPRESSION: str(day)}
        if not self._gdpr_comes_by_itself():
            free = people.filtered(lambda person: not person.restricted)
            acts = [
                {**common, "subject_id": person.id, "action": "restricted", "act": uuid.uuid4().hex, "values": values}
                for person in free
            ]
            if acts:
                self.env["gdpr.subject"]._record_acts(acts)
        objecting = people.filtered(lambda person: not person.objected)
        objecting._record_objection(**common, values=values)
        if hasattr(self, "_message_log_batch") and objecting:
            concerned = self.filtered(lambda card: card.gdpr_subject_id.root_id in objecting)
            concerned._message_log_batch(bodies=dict.fromkeys(concerned.ids, reason))

    @api.model
    def _gdpr_comes_by_itself(self):
        """Tell whether it is the person who has come back, by the web site or by mail, and not the company."""
        if is_set(self.env, INCOMING):
            return True
        if not request or self.env.context.get("import_file"):
            return False
        user = self.env["res.users"].browse(request.session.uid or self.env.ref("base.public_user").id)
        return not user.sudo()._is_internal()
