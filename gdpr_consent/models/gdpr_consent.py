from odoo import fields, models


class GdprConsent(models.Model):
    """The present answer of a person for one purpose.

    A projection of the ledger, written by ``gdpr.subject`` alone. States, and who sets them:

    * given: the person agreed (form, portal), or an operator recorded it with its evidence;
    * refused: the person said no, or left the choice empty when answering;
    * withdrawn: the person took an agreement back;
    * expired: the validity of the purpose has passed.
    """

    _name = "gdpr.consent"
    _description = "Consent"
    _order = "subject_id, purpose_id"
    _log_access = False

    subject_id = fields.Many2one(
        "gdpr.subject", required=True, readonly=True, index=True, ondelete="cascade", help="Whose word it is."
    )
    purpose_id = fields.Many2one(
        "gdpr.purpose", required=True, readonly=True, ondelete="restrict", help="What the person said yes or no to."
    )
    state = fields.Selection(
        [
            ("given", "Given"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
            ("expired", "Expired"),
        ],
        required=True,
        readonly=True,
        help="What counts now. Only a consent that is given, hasn't lapsed and covers the channel lets a message "
        "of this purpose through.",
    )
    channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels",
        readonly=True,
        help="How the person may be contacted for this purpose. Set by the person's answers, not here.",
    )
    given_on = fields.Datetime(readonly=True, help="When the person agreed.")
    expires_on = fields.Datetime(
        readonly=True,
        index="btree_not_null",
        help="From then on the consent doesn't count, and the person has to be asked again. Empty: it lasts until "
        "it is taken back.",
    )
    renewal_due = fields.Boolean(
        readonly=True, help="What the person agreed to has changed materially since: ask again before you rely on it."
    )
    event_id = fields.Many2one(
        "gdpr.consent.event", string="Last Answer", required=True, readonly=True, ondelete="restrict"
    )
    narrowed_by_id = fields.Many2one("gdpr.consent.event", readonly=True, ondelete="restrict")
    version_id = fields.Many2one(related="event_id.version_id")

    _renewal_due_index = models.Index("(subject_id) WHERE renewal_due")
    _subject_purpose_uniq = models.Constraint("UNIQUE(subject_id, purpose_id)", "A person has one answer per purpose.")

    def _shows(self, answer):
        """Tell whether the record says what a replay says: an ``Answer``. An answer is told by its events."""
        return (self.event_id.id, self.narrowed_by_id.id or None, self.given_on or None) == (
            answer.event_id,
            answer.narrowed_by_id,
            answer.given_on,
        )

    def _was_denied_after(self, moment):
        """Tell whether the person said no after a moment (UTC)."""
        self.ensure_one()
        return self.state in ("refused", "withdrawn") and self.event_id.occurred_on > moment

    def _get_channels_denied_after(self, moment, codes):
        """Give those of the channels, by code, that the person has taken back after a moment (UTC)."""
        self.ensure_one()
        if self.state != "given" or not self.narrowed_by_id or self.narrowed_by_id.occurred_on <= moment:
            return []
        allowed = self.channel_ids.mapped("code")
        return [code for code in codes if code not in allowed]

    def _get_changed_on(self):
        """Give when the answer became what it is (UTC)."""
        self.ensure_one()
        return (self.narrowed_by_id or self.event_id).occurred_on

    def _get_wording(self):
        """Give the frozen words of the last answer, with no purpose but this one; None where none were kept."""
        self.ensure_one()
        if not self.version_id:
            return None
        content = self.version_id._get_content()
        return content | {"purposes": [item for item in content["purposes"] if item["id"] == self.purpose_id.id]}

    def _filter_latest_act(self):
        """Give those of one person's answers that the last act of the person changed."""
        (self.event_id | self.narrowed_by_id).fetch(["act", "occurred_on", "version_id"])
        act = max((consent.narrowed_by_id or consent.event_id for consent in self), key=lambda e: e.id, default=None)
        if not act:
            return self
        return self.filtered(lambda consent: (consent.narrowed_by_id or consent.event_id).act == act.act)
