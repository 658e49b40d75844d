from odoo import api, fields, models


class GdprSubject(models.Model):
    """The one door out: may we contact this person, for this purpose, through this channel, now?"""

    _inherit = "gdpr.subject"

    def _get_contact_reasons(self, purpose, channel):
        """Give, by id of each person, ``allowed`` or the code of why not. Fails closed (law.md R-28)."""
        now = fields.Datetime.now()
        consents = (
            self.env["gdpr.consent"].sudo().search([("subject_id", "in", self.ids), ("purpose_id", "=", purpose.id)])
        )
        by_subject = {consent.subject_id.id: consent for consent in consents}
        reasons = {}
        for subject in self.sudo():
            consent = by_subject.get(subject.id, consents.browse())
            if subject.restricted:
                reason = "restricted"
            elif consent.state == "given":
                if consent.expires_on and consent.expires_on <= now:
                    reason = "expired"
                else:
                    reason = "allowed" if channel in consent.channel_ids else "channel_not_allowed"
            elif consent.state:
                reason = consent.state
            elif purpose.legal_basis == "consent":
                reason = "no_consent"
            else:
                reason = "allowed" if subject.legal_basis == purpose.legal_basis else "other_basis"
            reasons[subject.id] = reason
        return reasons

    @api.model
    def _get_contact_explanations(self):
        return {
            "allowed": self.env._("Allowed."),
            "no_consent": self.env._("The person hasn't agreed to this purpose."),
            "refused": self.env._("The person refused."),
            "withdrawn": self.env._("The person took the consent back."),
            "expired": self.env._("The consent has lapsed."),
            "channel_not_allowed": self.env._("The person agreed, but not to this channel."),
            "restricted": self.env._("The processing is suspended."),
            "other_basis": self.env._("The legal basis of the person isn't the one of this purpose."),
        }
