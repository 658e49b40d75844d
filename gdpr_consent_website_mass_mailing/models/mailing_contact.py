from odoo import fields, models


class MailingContact(models.Model):
    _inherit = "mailing.contact"

    def _gdpr_record_number(self, version, purpose, page):
        """Record that somebody typed this contact's number into the newsletter block of the web site (law.md R-10).

        Anybody can type any number, and no mailbox confirms it: it is on record as a consent without proof, and no
        text message leaves before the person has agreed in another way. Where the company does without confirmation
        for its web site, it counts at once. Typing a number again says nothing new.

        :param gdpr.consent.form.version version: the wording of the web site that asks for the purpose by SMS
        :param gdpr.purpose purpose: what the list is for
        :param str page: where it was typed
        """
        if not self or not version or self.gdpr_may_contact(purpose, "sms")[self.id]["allowed"]:
            return
        if self.gdpr_legal_basis == "not_applicable":
            self._gdpr_apply_basis("consent", actor="system")
        person = self._gdpr_ensure_subjects().root_id
        values = {
            "language": version.lang,
            "evidence": self.env._("Number typed into the newsletter block of the web site: %(page)s", page=page),
        }
        act = {"source": "website", "occurred_on": fields.Datetime.now(), "attachment": None}
        if not self._gdpr_filter_to_confirm(purpose, "website"):
            values["exemption"] = self._gdpr_get_company()._get_gdpr_exemption("website")
            choices = {purpose.id: ["sms"]}
            person._record_answer(version, choices, offered=purpose, actor="person", values=values, **act)
            return
        if any(event.action == "unproven" and event.purpose_id == purpose for event in person.history_ids):
            return
        person._record_acts(
            [
                {
                    **act,
                    "subject_id": person.id,
                    "action": "unproven",
                    "actor": "system",
                    "purpose_id": purpose.id,
                    "channel_codes": ["sms"],
                    "version_id": version.id,
                    "company_id": version.form_id.company_id.id,
                    "values": values,
                }
            ]
        )
