from odoo import models


class MailingTrace(models.Model):
    _inherit = "mailing.trace"

    def _gdpr_record_leaving(self):
        """Record that the person who got this text message wants no more of them (article 7(3), law.md R-30).

        The channels of the number are taken back from each consent; where none allows them, the history says that
        the number was taken off. The number itself is on Odoo's blacklist.
        """
        self.ensure_one()
        if self.model not in self.env["gdpr.scope"]._get_covered_models():
            return
        card = self.env["gdpr.subject.mixin"]._get_cards(self.model, [self.res_id])
        if not card:
            return
        person = card.sudo()._gdpr_ensure_subjects().root_id
        act = {"actor": "person", "source": "website"}
        said = self.env._("Followed the link of a text message to get no more of them.")
        channels = dict.fromkeys(person.consent_ids.purpose_id.ids, {"sms", "phone"})
        if not person._record_channels_withdrawal(channels, **act, values={"reason": said}):
            person._record_acts([{**act, "subject_id": person.id, "action": "noted", "values": {"note": said}}])
