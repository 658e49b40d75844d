from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

# Acts that the person can leave a note with.
TELLING_ACTIONS = ("given", "refused", "withdrawn", "channels_withdrawn", "objected", "noted")


class GdprSubjectMixin(models.AbstractModel):
    """What the person of a card has agreed to, and how the person may be contacted for it."""

    _inherit = "gdpr.subject.mixin"

    gdpr_consent_note = fields.Text(
        "Note From the Person",
        compute="_compute_gdpr_consent_note",
        groups="gdpr_consent.group_user",
        help="What the person wrote with the last answer.",
    )
    gdpr_consent_expires_on = fields.Datetime(
        "Valid Until",
        compute="_compute_gdpr_consents",
        groups="gdpr_consent.group_user",
        help="When the first of the consents lapses, unless the person renews it.",
    )
    gdpr_purpose_ids = fields.Many2many(
        "gdpr.purpose",
        string="Purposes Agreed To",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_purpose_ids",
        groups="gdpr_consent.group_user",
        help="What the person agreed to, as it stands now.",
    )
    gdpr_channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels Allowed",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_channel_ids",
        groups="gdpr_consent.group_user",
        help="How the person may be contacted for what was agreed to.",
    )

    @api.depends("gdpr_subject_id.history_ids")
    def _compute_gdpr_consent_note(self):
        notes = self._gdpr_read_last_values("note", TELLING_ACTIONS)
        for card in self:
            card.gdpr_consent_note = notes.get(card.gdpr_subject_id.id, False)

    def _gdpr_read_last_values(self, name, actions):
        """Give a personal value of the last act of a kind, by id of the person."""
        subject_ids = self.sudo().gdpr_subject_id.ids
        if not subject_ids:
            return {}
        self.env["gdpr.subject"].flush_model(["root_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT last.root_id, value.value
                  FROM (SELECT DISTINCT ON (subject.root_id) subject.root_id, event.subject_id, event.act
                          FROM gdpr_consent_event event
                          JOIN gdpr_subject subject ON subject.id = event.subject_id
                         WHERE subject.root_id IN %(subjects)s AND event.action IN %(actions)s
                         ORDER BY subject.root_id, event.id DESC) last
                  JOIN gdpr_consent_event event ON event.subject_id = last.subject_id AND event.act = last.act
                  JOIN gdpr_consent_event_value value ON value.event_id = event.id AND value.name = %(name)s
                """,
                subjects=tuple(subject_ids),
                actions=tuple(actions),
                name=name,
            )
        )
        return dict(rows)

    @api.depends("gdpr_subject_id.consent_ids.state", "gdpr_subject_id.consent_ids.channel_ids")
    def _compute_gdpr_consents(self):
        given = self._gdpr_read_given()
        # What shows them, and no more: a purpose has long texts.
        purposes, channels = ({found for parts in given.values() for found in parts[place]} for place in (0, 1))
        self.env["gdpr.purpose"].sudo().browse(purposes).fetch(["name", "active", "company_id"])
        self.env["gdpr.channel"].sudo().browse(channels).fetch(["name", "active"])
        for card in self:
            purposes, channels, expirations = given.get(card.gdpr_subject_id.id, ((), (), ()))
            card.gdpr_purpose_ids = list(purposes)
            card.gdpr_channel_ids = list(channels)
            card.gdpr_consent_expires_on = min(expirations, default=False)

    def _gdpr_read_given(self):
        """Give what the user may see of what the persons agreed to, by id of the person.

        In one query, past the records: every card that is opened asks for it.

        :return: the ids of the purposes, those of the channels, and when the consents expire that do
        :rtype: dict[int, tuple]
        """
        subject_ids = self.gdpr_subject_id.ids
        if not subject_ids:
            return {}
        consents = self.env["gdpr.consent"]
        query = consents._search([("subject_id", "in", subject_ids), ("state", "=", "given")], order="purpose_id")
        consents.flush_model(["purpose_id", "channel_ids", "expires_on"])
        channels = SQL(
            """
            ARRAY(SELECT channel.id FROM gdpr_channel_gdpr_consent_rel allowed
                    JOIN gdpr_channel channel ON channel.id = allowed.gdpr_channel_id
                   WHERE allowed.gdpr_consent_id = %s ORDER BY channel.sequence, channel.id)
            """,
            SQL.identifier(query.table, "id"),
        )
        columns = [SQL.identifier(query.table, name) for name in ("subject_id", "purpose_id", "expires_on")]
        given = {}
        for subject_id, purpose_id, expires_on, channel_ids in self.env.execute_query(query.select(*columns, channels)):
            purposes, allowed, expirations = given.setdefault(subject_id, ([], {}, []))
            purposes.append(purpose_id)
            allowed.update(dict.fromkeys(channel_ids))
            if expires_on:
                expirations.append(expires_on)
        return given

    def _search_gdpr_purpose_ids(self, operator, value):
        return self._gdpr_search_consents("purpose_id", operator, value)

    def _search_gdpr_channel_ids(self, operator, value):
        return self._gdpr_search_consents("channel_ids", operator, value)

    def _gdpr_search_consents(self, field, operator, value):
        if operator not in ("in", "any", "ilike", "like", "=ilike", "=like"):
            return NotImplemented
        given = Domain("state", "=", "given")
        found = Domain("gdpr_subject_id.consent_ids", "any", given & Domain(field, operator, value))
        if operator == "in" and False in value:
            found |= ~Domain("gdpr_subject_id.consent_ids", "any", given & Domain(field, "!=", False))
        return found
