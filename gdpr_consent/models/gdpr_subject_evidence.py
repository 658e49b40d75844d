from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..tools import consent_record
from ..tools.consent_record import NO_ANSWERS, STATUSES


class GdprSubject(models.Model):
    """The proof for one person, to hand out: a pack for the officer, a receipt for the person (law.md R-22 to R-29)."""

    _inherit = "gdpr.subject"

    def action_evidence_pdf(self):
        """Download the evidence pack of these people as PDF."""
        self._check_evidence_access()
        return self.env.ref("gdpr_consent.subject_evidence_report").report_action(self.root_id)

    def action_evidence_jsonld(self):
        """Download the consent records of this person for machines, as JSON-LD."""
        self.ensure_one()
        self._check_evidence_access()
        return {"type": "ir.actions.act_url", "url": f"/gdpr/evidence/{self.root_id.id}/consent-records.jsonld"}

    @api.private
    def _check_evidence_access(self):
        """Refuse who isn't a privacy officer, or may not see these people.

        :raise AccessError: so
        """
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can hand out the evidence."))
        self.check_access("read")

    def _get_evidence(self):
        """Give all that the evidence pack of this person tells (law.md R-22, R-23).

        The events are those the user may see; how many more there are, of other companies, is told.

        :return: ``person`` (the one that counts), ``members`` (all joined histories), ``company``, ``names`` (as the
            cards have them), ``consents``, ``events`` (oldest first), ``hidden_count``, ``versions`` (all wordings
            cited), ``faults`` (of the verification, sentences) and ``created_on`` (UTC)
        :rtype: dict
        """
        self.ensure_one()
        person = self.sudo().root_id
        events = self.env["gdpr.consent.event"].search([("subject_id.root_id", "=", person.id)], order="id")
        # What the user may see is chosen; the names of the others that take part belong to the proof.
        events = events.sudo()
        members = person.member_ids.sorted("id")
        return {
            "person": person,
            "members": members,
            "company": person.company_id or self.env.company,
            "names": [card._gdpr_get_name() for cards in person._get_all_cards() for card in cards],
            "consents": self.env["gdpr.consent"].search([("subject_id", "=", person.id)]).sudo(),
            "events": events,
            "hidden_count": sum(members.mapped("head_sequence")) - len(events),
            "versions": events.version_id.sorted(lambda version: (version.form_id.id, version.number, version.lang)),
            "faults": members._verify_ledger(),
            "created_on": fields.Datetime.now(),
        }

    def _get_receipt(self):
        """Give what the receipt tells the person: every act, before and after (law.md R-27).

        :return: ``number`` (names the last event, see ``gdpr.consent.event.number``), ``person``, ``events`` (oldest
            first), ``versions`` (the wordings the person was shown) and ``created_on`` (UTC)
        :rtype: dict
        """
        self.ensure_one()
        person = self.sudo().root_id
        # In the reader's language, which may have been chosen after the person was found.
        events = self.env["gdpr.consent.event"].sudo().search([("subject_id.root_id", "=", person.id)], order="id")
        return {
            "number": events[-1:].number or person.reference,
            "person": person,
            "events": events,
            "versions": events.version_id.sorted(lambda version: (version.form_id.id, version.number, version.lang)),
            "created_on": fields.Datetime.now(),
        }

    def _get_consent_records(self, events):
        """Give the consent records that some events of this person add up to, one a purpose (law.md R-01, R-114).

        :param gdpr.consent.event events: of this person and those joined with it, oldest first
        :rtype: list[consent_record.Record]
        """
        self.ensure_one()
        person = self.sudo().root_id
        purposes = defaultdict(list)
        asked = self.env["gdpr.purpose"]
        events = events.sudo()
        for event in events:
            if event.action not in STATUSES and event.action != "channels_withdrawn":
                continue
            concerned = event.purpose_id
            if event.action in NO_ANSWERS and not concerned:
                asked = event.version_id._get_purposes() or asked
                concerned = asked
            for purpose in concerned:
                purposes[purpose].append(event)
        return [person._prepare_record(purpose, own) for purpose, own in purposes.items()]

    def _prepare_record(self, purpose, events):
        versions = self.env["gdpr.consent.form.version"].concat(*(event.version_id for event in events))
        versions = versions.browse(dict.fromkeys(versions.ids))
        form = versions[-1:].form_id
        company = form.company_id or purpose.company_id or self.company_id or self.env.company
        base = (form or company).get_base_url()
        return consent_record.Record(
            reference=self.reference,
            purpose_id=purpose.id,
            code=purpose.code,
            legal_basis=purpose.legal_basis,
            dpv_purpose=purpose.dpv_purpose,
            data_terms=purpose.data_category_ids.mapped("dpv_term"),
            recipients=purpose.recipient_ids.mapped("name"),
            recipient_kinds=purpose.recipient_categories or "",
            retention_months=purpose.retention_months,
            retention_reason=purpose.retention_reason or "",
            controller=consent_record.Controller(
                iri=f"{base}/",
                identifier=company.vat or company.company_registry or f"{company.id}",
                name=company.name,
                address=", ".join(
                    filter(
                        None,
                        [company.street, f"{company.zip or ''} {company.city or ''}".strip(), company.country_id.code],
                    )
                ),
                email=company.gdpr_officer_email or company.email or "",
                country=company.country_id.code or "",
            ),
            exercised_at=f"{base}/my/privacy",
            notices=[self._prepare_notice(version) for version in versions],
            events=[self._prepare_row(event) for event in events],
        )

    @api.model
    def _prepare_notice(self, version):
        return consent_record.Notice(
            iri=consent_record.urn("notice", str(version.form_id.id), str(version.number), version.lang),
            number=version.number,
            lang=version.lang,
            published_on=version.published_on,
            sha256=version.sha256,
            text=version.content,
        )

    @api.model
    def _prepare_row(self, event):
        """Give an event as ``tools.consent_record`` reads it."""
        sources = dict(event._fields["source"]._description_selection(self.env))
        # A question can be answered for a time; a consent is valid for one.
        until = event.request_id.expires_on if event.action in NO_ANSWERS else event.expires_on
        return {
            "id": event.id,
            "action": event.action,
            "purpose_id": event.purpose_id.id or None,
            "channel_codes": event.channel_codes,
            "legal_basis": event.legal_basis,
            "occurred_on": event.occurred_on,
            "expires_on": event.expires_on or None,
            "source": event.source,
            "actor": event.actor,
            "method": ", ".join(filter(None, [event.description, sources.get(event.source)])),
            "valid_until": until or None,
        }
