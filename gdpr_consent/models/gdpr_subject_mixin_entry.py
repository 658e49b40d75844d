import uuid
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_datetime

from ..tools.server_context import RequestOptions
from .gdpr_consent_event import SOURCES

# Ways of giving consent that somebody else can record; the others are the person's own.
RECORDABLE_SOURCES = ("phone", "meeting", "paper", "import", "api", "website")


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

    def gdpr_record_consent(
        self, purposes, channels, source, note=None, evidence=None, given_on=None, form=None, words=None
    ):
        """Record a consent that the person gave outside Odoo (law.md R-19).

        From a source where anybody could have typed the address (import, api, website) it is only declared: each
        person gets a message and is asked to confirm, and nothing is given before (law.md R-10), unless the company
        has switched that off for the source. Who objects to marketing is asked to confirm in any case.

        :param purposes: ``gdpr.purpose`` records, their ids or their codes
        :param channels: ``gdpr.channel`` records, their ids or their codes
        :param str source: phone, meeting, paper, import, api or website
        :param str note: the person's own words
        :param evidence: what proves it: a text, an ``ir.attachment`` or its id, or a list of these
        :param given_on: when (UTC), default now
        :param form: ``gdpr.consent.form`` or its id: the wording that was read out, default the first that asked for
            the purposes then
        :param str words: what the person was told, where it wasn't a wording published here by then
        :raise ValidationError: no purpose, no channel that it offers, no evidence, a date in the future, a source
            that is the person's own, or somebody who can't be mailed the question to confirm; nobody is recorded then
        :raise UserError: the basis isn't consent, or the purposes weren't on a published form then and there are no
            words
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        purposes = self._gdpr_browse_by_code("gdpr.purpose", purposes)
        channels = self._gdpr_browse_by_code("gdpr.channel", channels)
        shown_on = fields.Datetime.to_datetime(given_on)
        given_on = shown_on or fields.Datetime.now()
        values, attachment = self._gdpr_prepare_evidence(evidence)
        self._gdpr_check_entry(purposes, channels, source, values, given_on)
        values["note"] = note or ""
        choices = {purpose.id: (purpose.channel_ids & channels).mapped("code") for purpose in purposes}
        act = {"source": source, "occurred_on": given_on, "values": values, "attachment": attachment}
        declared = self._gdpr_filter_to_confirm(purposes, source)
        told = self - declared
        told_versions = told._gdpr_get_read_out_versions(purposes, form, shown_on, (words or "").strip())
        if declared:
            # Who is asked to confirm reads the wording now.
            declared._gdpr_declare_consent(declared._gdpr_get_read_out_versions(purposes, form), choices, **act)
        told._gdpr_answer_read_out(told_versions, choices, purposes, **act)
        return True

    def _gdpr_filter_to_confirm(self, purposes, source):
        """Give those of whom a consent counts only when the person confirms it from the mailbox.

        Where the settings ask for it (law.md R-10); and where the person objects to marketing, whatever they say:
        nobody else takes that back (article 21(3) GDPR, law.md R-38).
        """
        is_marketing = any(purpose._is_marketing() for purpose in purposes)
        return self.filtered(
            lambda card: (
                card._gdpr_get_company()._needs_gdpr_confirmation(source)
                or (is_marketing and card.sudo().gdpr_objected)
            )
        )

    def _gdpr_answer_read_out(self, versions, choices, offered, **act):
        """Record what these people agreed to when the wording was read out to them; once for each person.

        :param dict versions: the wording, by card
        """
        self._gdpr_ensure_subjects()
        answers = {}
        for card in self.sudo():
            exemption = card._gdpr_get_company()._get_gdpr_exemption(act["source"])
            person = card.gdpr_subject_id.root_id
            answer = {**act, "person": person, "version": versions[card], "choices": choices, "offered": offered}
            answers.setdefault(person, {**answer, "values": {**act["values"], "exemption": exemption}})
        self._gdpr_record_answers(list(answers.values()))

    @api.model
    def _gdpr_record_answers(self, answers):
        """Record answers that somebody wrote down, each of another person, and settle what the persons were asked."""
        subjects = self.env["gdpr.subject"].sudo()
        subjects._record_answers(answers)
        subjects.union(*(answer["person"] for answer in answers)).request_ids._close_answered()

    def _gdpr_declare_consent(self, versions, choices, **act):
        """Note what somebody says these persons agree to, and mail each person once, asking to confirm it.

        :param dict versions: the wording, by card
        :param dict[int, list[str]] choices: the channel codes, by id of each purpose
        :param act: further values for ``_record_acts``; ``values`` go to the first event of each person
        """
        refusals = self._gdpr_get_declaration_refusals(act["source"])
        if refusals:
            reasons = "\n".join(list(refusals.values())[:10])
            raise ValidationError(
                self.env._(
                    "What was declared can't be confirmed, so nobody was recorded:\n%(reasons)s", reasons=reasons
                )
            )
        made = self._gdpr_declare({card: (versions[card], choices, act) for card in self})
        if len(made) == 1:
            made.mail_mail_ids.send_after_commit()

    def _gdpr_get_declaration_refusals(self, source):
        """Give, for those who can't be asked to confirm what somebody says of them, why."""
        refusals = self.with_context(gdpr_request_options=RequestOptions({"kind": "confirmation"}))._gdpr_get_refusals()
        if source == "import":
            # The person may have come to a web site; on a list that was brought in nobody has asked for anything.
            asking = self.with_context(gdpr_request_options=RequestOptions({"kind": "declaration"}))
            refusals = asking._gdpr_get_refusals() | refusals
        return refusals

    @api.model
    def _gdpr_declare(self, declarations):
        """Note what somebody says persons agree to, and mail each person once, asking to confirm it.

        :param dict declarations: by card the wording, the channel codes by id of each purpose, and further values for
            ``_record_acts``
        :return: the requests made
        :rtype: gdpr.consent.request
        """
        Request = self.env["gdpr.consent.request"]
        if not declarations:
            return Request
        self.browse(card.id for card in declarations)._gdpr_ensure_subjects()
        by_person = {}
        for card, declaration in declarations.items():
            card = card.sudo()
            by_person.setdefault(card.gdpr_subject_id.root_id, (card, *declaration))
        # Waits for the same declaration at the same moment.
        self.env["gdpr.subject"].sudo().union(*by_person)._lock_people()
        choices_by_person = {person: choices for person, (_card, _version, choices, _act) in by_person.items()}
        requests = Request._find_just_declared(choices_by_person)
        unasked = [person for person in by_person if person not in requests]
        vals_list = []
        for person in unasked:
            card, version, choices, act = by_person[person]
            vals_list.append(card._gdpr_prepare_confirmation(version, choices, **act))
        people = self.env["gdpr.subject"].sudo().union(*by_person)
        people._cancel_automatic_questions({(vals["company_id"], vals["email"]) for vals in vals_list})
        made = Request._queue_messages("confirmation", vals_list)
        requests |= dict(zip(unasked, made, strict=True))
        acts = []
        for person, (_card, version, choices, act) in by_person.items():
            mark = uuid.uuid4().hex
            said = [
                {
                    **act,
                    "values": {},
                    "attachment": None,
                    "subject_id": person.id,
                    "act": mark,
                    "action": "declared",
                    # Who fills in a form of the web site isn't known yet.
                    "actor": "system" if act["source"] == "website" else "operator",
                    "purpose_id": purpose_id,
                    "channel_codes": codes,
                    "version_id": version.id,
                    "request_id": requests[person].id,
                    "company_id": version.form_id.company_id.id,
                }
                for purpose_id, codes in choices.items()
            ]
            values = {**act["values"], "email": requests[person].email}
            said[0] |= {"values": values, "attachment": act["attachment"]}
            acts += said
        self.env["gdpr.subject"]._record_acts(acts)
        return made

    def _gdpr_prepare_confirmation(self, version, choices, **act):
        self.ensure_one()
        company = version.form_id.company_id
        return {
            "subject_id": self.gdpr_subject_id.root_id.id,
            "company_id": company.id,
            "res_model": self._name,
            "res_id": self.id,
            "form_id": version.form_id.id,
            "version_number": version.number,
            "user_id": self.env.uid,
            "email": self._gdpr_get_email(),
            "lang": self._gdpr_get_lang(),
            "declared_choices": {str(purpose_id): codes for purpose_id, codes in choices.items()},
            "declared_source": act["source"],
            "declared_note": act["values"]["note"] or False,
            # Counted anew when the message leaves.
            "expires_on": fields.Datetime.now() + timedelta(days=company.gdpr_confirmation_days),
        }

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
        objected_on = self._gdpr_get_objection_dates() if any(purpose._is_marketing() for purpose in purposes) else {}
        for card in self:
            if objected_on.get(card.id, given_on) > given_on:
                raise ValidationError(
                    self.env._(
                        "%(name)s has objected to any marketing after that date. Only a later consent counts.",
                        name=card._gdpr_get_name(),
                    )
                )
            card._gdpr_check_not_denied_after(given_on, purposes, channels)
            if card.sudo().gdpr_legal_basis != "consent":
                raise UserError(
                    self.env._(
                        "The legal basis of %(name)s isn't Consent. A privacy officer can change it.",
                        name=card._gdpr_get_name(),
                    )
                )

    def _gdpr_check_not_denied_after(self, given_on, purposes, channels):
        """Refuse to bring back what the person has taken back since."""
        self.ensure_one()
        # Not filtered first, so that the answers of all who are recorded are read at once.
        for consent in self.sudo().gdpr_subject_id.root_id.consent_ids:
            purpose = consent.purpose_id
            if purpose not in purposes:
                continue
            chosen = purpose.channel_ids & channels
            if consent._was_denied_after(given_on):
                raise ValidationError(
                    self.env._(
                        "%(name)s has said no to “%(purpose)s” after that date. Only a later consent counts.",
                        name=self._gdpr_get_name(),
                        purpose=purpose.name,
                    )
                )
            if codes := consent._get_channels_denied_after(given_on, chosen.mapped("code")):
                raise ValidationError(
                    self.env._(
                        "%(name)s has taken %(channels)s back for “%(purpose)s” after that date. Only a later consent"
                        " counts.",
                        name=self._gdpr_get_name(),
                        channels=", ".join(chosen.filtered(lambda channel: channel.code in codes).mapped("name")),
                        purpose=purpose.name,
                    )
                )

    def _gdpr_get_objection_dates(self):
        """Give when those objected to all marketing who still do (UTC), by id of the card."""
        objecting = self.sudo().filtered("gdpr_objected")
        if not objecting:
            return {}
        events = self.env["gdpr.consent.event"].sudo()
        events = events.search(
            [("action", "=", "objected"), ("subject_id.root_id", "in", objecting.gdpr_subject_id.root_id.ids)]
        )
        dates = {}
        for event in events:
            dates.setdefault(event.subject_id.root_id, event.occurred_on)
        moments = {card.id: dates.get(card.gdpr_subject_id.root_id) for card in objecting}
        return {card_id: moment for card_id, moment in moments.items() if moment}

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

    def _gdpr_get_read_out_versions(self, purposes, form=None, shown_on=None, words=None):
        """Give the frozen wording that was read out to each person.

        :param datetime shown_on: when (UTC), default now
        :param str words: those used, where they weren't published here
        :return: the version by card
        :raise UserError: no form that was published then asks for these purposes
        """
        found, versions = {}, {}
        for card in self:
            company, lang = card._gdpr_get_company(), card._gdpr_get_lang()
            if (company, lang) not in found:
                found[company, lang] = self._gdpr_find_wording(purposes, company, lang, form, shown_on, words)
            versions[card] = found[company, lang]
        return versions

    @api.model
    def _gdpr_find_wording(self, purposes, company, lang, form=None, shown_on=None, words=None):
        if words:
            return self.env["gdpr.consent.form"]._freeze_words(words, purposes, company)
        forms = self._gdpr_browse("gdpr.consent.form", form).sudo() or self.env["gdpr.consent.form"].sudo().search(
            [("company_id", "=", company.id), ("version_number", ">", 0)]
        )
        is_asked_now = False
        for candidate in forms:
            version = candidate._get_version(lang)
            is_asked_now = is_asked_now or purposes <= version._get_purposes()
            if shown_on:
                number = candidate._get_number_at(shown_on)
                version = candidate._get_version(lang, number) if number else version.browse()
            if version and purposes <= version._get_purposes():
                return version
        if is_asked_now:
            raise UserError(
                self.env._(
                    "No wording that asks for %(purposes)s was published by %(date)s, so the person can't have agreed"
                    " to it. Give the words of then.",
                    purposes=", ".join(purposes.mapped("name")),
                    date=format_datetime(self.env, shown_on, dt_format="short"),
                )
            )
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
        self._gdpr_ensure_subjects()._record_withdrawal(purposes, source=source, values={"note": note or ""})
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
