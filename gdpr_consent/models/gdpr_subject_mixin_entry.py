from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .gdpr_consent_event import SOURCES

# Ways of giving consent that an operator can record; the others are the person's own.
RECORDABLE_SOURCES = ("phone", "meeting", "paper", "import", "api")


class GdprSubjectMixin(models.AbstractModel):
    """Recording by hand what the person said outside Odoo (law.md R-19)."""

    _inherit = "gdpr.subject.mixin"

    def action_gdpr_record_consent(self):
        """Open the wizard for a consent given on the phone, in a meeting or on paper."""
        self._gdpr_check_group("gdpr_consent.group_user")
        for company, form in self._gdpr_get_default_forms().items():
            if not form:
                raise UserError(self.env._("%(company)s has no published consent form.", company=company.name))
        return self._gdpr_open_wizard("gdpr.consent.entry", self.env._("Record consent"))

    def action_gdpr_withdraw_consent(self):
        """Open the wizard for a consent that the person takes back."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard("gdpr.consent.withdrawal", self.env._("Record withdrawal"))

    def action_gdpr_record_objection(self):
        """Open the wizard for a person who wants no marketing at all."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard(
            "gdpr.consent.withdrawal", self.env._("Record objection"), default_is_objection=True
        )

    def _gdpr_open_wizard(self, model, name, **context):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_res_model": self._name, "default_res_ids": self.ids, **context},
        }

    def gdpr_record_consent(self, purposes, channels, source, note=None, evidence=None, given_on=None, form=None):
        """Record a consent that the person gave outside Odoo (law.md R-19).

        :param purposes: ``gdpr.purpose`` records, their ids or their codes
        :param channels: ``gdpr.channel`` records, their ids or their codes
        :param str source: phone, meeting, paper, import or api
        :param str note: the person's own words
        :param evidence: what proves it: a text, an ``ir.attachment`` or its id, or a list of these
        :param given_on: when (UTC), default now
        :param form: ``gdpr.consent.form`` or its id: the wording that was read out, default the first published
            one that asks for the purposes
        :raise ValidationError: no purpose, no channel that it offers, no evidence, a date in the future, a source
            that is the person's own
        :raise UserError: the basis isn't consent, or the purposes aren't on a published form
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        purposes = self._gdpr_browse_by_code("gdpr.purpose", purposes)
        channels = self._gdpr_browse_by_code("gdpr.channel", channels)
        given_on = fields.Datetime.to_datetime(given_on) or fields.Datetime.now()
        values, attachment = self._gdpr_prepare_evidence(evidence)
        self._gdpr_check_entry(purposes, channels, source, values, given_on)
        values["note"] = note or ""
        for card in self:
            subject = card._gdpr_ensure_subjects()
            version = card._gdpr_get_read_out_version(purposes, form)
            choices = {purpose.id: (purpose.channel_ids & channels).mapped("code") for purpose in purposes}
            subject._record_answer(
                version,
                choices,
                offered=purposes,
                source=source,
                occurred_on=given_on,
                values=values,
                attachment=attachment,
            )
            subject.request_ids._close_answered()
        return True

    def _gdpr_check_entry(self, purposes, channels, source, values, given_on):
        if not purposes:
            raise ValidationError(self.env._("Choose at least one purpose the person agreed to."))
        for purpose in purposes:
            if purpose.channel_ids and not purpose.channel_ids & channels:
                raise ValidationError(
                    self.env._("“%(purpose)s”: choose at least one way to contact the person.", purpose=purpose.name)
                )
        if source not in RECORDABLE_SOURCES:
            raise ValidationError(
                self.env._("Only the person can give consent by the form. Choose phone, meeting or paper.")
            )
        if not values:
            raise ValidationError(
                self.env._(
                    "A consent needs evidence: say what proves it (who heard it, which call, which minutes), or"
                    " add the signed paper."
                )
            )
        now = fields.Datetime.now()
        if given_on > now:
            raise ValidationError(self.env._("The consent can't have been given in the future."))
        for purpose in purposes:
            expiry = purpose._get_expiry(given_on)
            if expiry and expiry <= now:
                raise ValidationError(
                    self.env._("A consent of that date for “%(purpose)s” has lapsed already.", purpose=purpose.name)
                )
        for card in self:
            for consent in card.sudo().gdpr_subject_id.consent_ids:
                if consent.purpose_id in purposes and consent._was_denied_after(given_on):
                    raise ValidationError(
                        self.env._(
                            "%(name)s has said no to “%(purpose)s” after that date. Only a later consent counts.",
                            name=card._gdpr_get_name(),
                            purpose=consent.purpose_id.name,
                        )
                    )
            if card.sudo().gdpr_legal_basis != "consent":
                raise UserError(
                    self.env._(
                        "The legal basis of %(name)s isn't Consent. A privacy officer can change it.",
                        name=card._gdpr_get_name(),
                    )
                )

    @api.model
    def _gdpr_prepare_evidence(self, evidence):
        """Give the personal values and the attachment that stand for the evidence."""
        values, attachment = {}, None
        for item in evidence if isinstance(evidence, (list, tuple)) else [evidence]:
            if isinstance(item, str):
                values |= {"evidence": item.strip()} if item.strip() else {}
            elif item:
                attachment = self._gdpr_browse("ir.attachment", item).ensure_one()
                attachment.check_access("read")
                values["evidence_file"] = self.env["gdpr.consent.event.value"]._describe_file(attachment)
        return values, attachment

    def _gdpr_get_read_out_version(self, purposes, form=None):
        """Give the frozen wording that was read out to the person.

        :raise UserError: no published form asks for these purposes
        """
        self.ensure_one()
        company = self._gdpr_get_company()
        forms = self._gdpr_browse("gdpr.consent.form", form).sudo() or self.env["gdpr.consent.form"].sudo().search(
            [("company_id", "=", company.id), ("version_number", ">", 0)]
        )
        for candidate in forms:
            version = candidate._get_version(self._gdpr_get_lang())
            if purposes <= version._get_purposes():
                return version
        raise UserError(
            self.env._(
                "No published consent form asks for %(purposes)s. Publish one first: the wording is part of the proof.",
                purposes=", ".join(purposes.mapped("name")),
            )
        )

    def gdpr_withdraw_consent(self, purposes=None, source="phone", note=None):
        """Record that the person takes consent back.

        :param purposes: ``gdpr.purpose`` records, ids or codes; default all
        :param str source: how the person said so
        :param str note: the person's own words
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        if source not in dict(SOURCES):
            raise ValidationError(self.env._("“%(way)s” is not a way to collect an answer.", way=source))
        if purposes is not None:
            purposes = self._gdpr_browse_by_code("gdpr.purpose", purposes)
        for subject in self._gdpr_ensure_subjects():
            subject._record_withdrawal(purposes, source=source, values={"note": note or ""})
        return True

    def gdpr_record_objection(self, source="phone", note=None):
        """Record that the persons want no marketing at all (article 21(2) GDPR, law.md R-38).

        Counts at once, for every purpose of marketing and every legal basis; their addresses are blacklisted. Only
        the person can lift it, by agreeing to marketing later. Who has objected already isn't recorded again.

        :param str source: how the person said so
        :param str note: the person's own words
        :raise ValidationError: the source isn't a way to collect an answer
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        if source not in dict(SOURCES):
            raise ValidationError(self.env._("“%(way)s” is not a way to collect an answer.", way=source))
        self._gdpr_ensure_subjects()._record_objection(source=source, values={"note": note or ""})
        return True
