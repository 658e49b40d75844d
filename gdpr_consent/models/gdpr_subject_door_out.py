from odoo import api, fields, models
from odoo.tools import SQL


class GdprSubject(models.Model):
    """The one door out: may we contact this person, for this purpose, through this channel, now?"""

    _inherit = "gdpr.subject"

    def _get_contact_reasons(self, purpose, channel):
        """Give, by id of each person, ``allowed`` or the code of why not. Fails closed (law.md R-28).

        One query, whatever the number of people.
        """
        if not self:
            return {}
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT subject.id,
                       CASE
                           WHEN NOT %(is_active)s THEN 'purpose_archived'
                           WHEN %(company)s IS NOT NULL AND person.company_id <> %(company)s THEN 'other_company'
                           WHEN person.restricted THEN 'restricted'
                           WHEN person.objected AND %(is_marketing)s THEN 'objected'
                           WHEN consent.state IN ('refused', 'withdrawn', 'expired') THEN consent.state
                           WHEN consent.state = 'given' AND consent.expires_on <= %(now)s THEN 'expired'
                           WHEN consent.state = 'given' AND consent.renewal_due THEN 'renewal_due'
                           WHEN consent.state = 'given' AND channel.gdpr_channel_id IS NULL THEN 'channel_not_allowed'
                           WHEN consent.state = 'given' THEN 'allowed'
                           WHEN %(basis)s = 'consent' THEN 'no_consent'
                           WHEN person.legal_basis = %(basis)s THEN 'allowed'
                           ELSE 'other_basis'
                       END
                  FROM gdpr_subject subject
                  JOIN gdpr_subject person ON person.id = subject.root_id
                  LEFT JOIN gdpr_consent consent
                    ON consent.subject_id = person.id AND consent.purpose_id = %(purpose)s
                  LEFT JOIN %(channels)s channel
                    ON channel.gdpr_consent_id = consent.id AND channel.gdpr_channel_id = %(channel)s
                 WHERE subject.id IN %(subjects)s
                """,
                is_active=purpose.active,
                company=purpose.company_id.id or None,
                is_marketing=purpose.message_class == "marketing",
                now=fields.Datetime.now(),
                basis=purpose.legal_basis,
                purpose=purpose.id,
                channels=SQL.identifier(self.env["gdpr.consent"]._fields["channel_ids"].relation),
                channel=channel.id,
                subjects=tuple(self.ids),
            )
        )
        return dict(rows)

    @api.model
    def _get_contact_explanations(self):
        return {
            "allowed": self.env._("Allowed."),
            "no_consent": self.env._("The person hasn't agreed to this purpose."),
            "refused": self.env._("The person refused."),
            "withdrawn": self.env._("The person took the consent back."),
            "expired": self.env._("The consent has lapsed."),
            "renewal_due": self.env._("What the person agreed to has changed: ask again first."),
            "channel_not_allowed": self.env._("The person agreed, but not to this channel."),
            "objected": self.env._("The person objects to any marketing."),
            "blacklisted": self.env._("The address is blacklisted."),
            "restricted": self.env._("The processing is suspended."),
            "other_basis": self.env._("The legal basis of the person isn't the one of this purpose."),
            "other_company": self.env._("The purpose is one of another company."),
            "purpose_archived": self.env._("The purpose isn't in use any more."),
        }
