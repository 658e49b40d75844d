from dateutil.relativedelta import relativedelta
from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date
from odoo.tools.mail import email_normalize_all

from ..tools.replay import DENIALS
from ..tools.server_context import RequestOptions, get_request_options
from .gdpr_consent_request import UNASKED_KINDS


class GdprSubjectMixin(models.AbstractModel):
    """Asking the person behind a card for consent, by mail."""

    _inherit = "gdpr.subject.mixin"

    gdpr_asked_again_from = fields.Datetime(
        "Can Be Asked Again From",
        compute="_compute_gdpr_telling",
        groups="gdpr_consent.group_user",
        help="The person said no. Until then nobody asks again, unless the person wants to be asked.",
    )

    def action_gdpr_send_consent_request(self):
        """Open Odoo's composer with the consent request of this card, or a new campaign where there are several.

        :raise UserError: the one person can't be asked; the message says why
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        if len(self) != 1:
            return self._gdpr_open_new_campaign()
        self._gdpr_raise_refusal()
        template = self._gdpr_get_default_template()
        form = self.env["gdpr.consent.form"]._get_default(self._gdpr_get_company())
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send consent form"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_composition_mode": "comment",
                "default_template_id": template.id,
                "default_gdpr_consent_form_id": form.id,
                "default_email_layout_xmlid": False,
                "default_composition_comment_option": "reply_all",
                "dialog_size": "large",
            },
        }

    def gdpr_request_consent(self, form=None, template=None):
        """Ask for consent without a screen.

        :param form: ``gdpr.consent.form`` or its id, default the company's
        :param template: ``mail.template`` or its id, default the one for the model
        :return: the requests, in the order of the cards
        :rtype: gdpr.consent.request
        :raise UserError: somebody can't be asked; nobody is then
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        form = self._gdpr_browse("gdpr.consent.form", form)
        options = RequestOptions({**get_request_options(self.env), "form_id": form.id})
        self.with_context(gdpr_request_options=options)._gdpr_raise_refusal()
        template = self._gdpr_browse("mail.template", template) or self._gdpr_get_default_template()
        if not template._asks_for_consent():
            raise UserError(
                self.env._("The template “%(template)s” has no consent link in its text.", template=template.name)
            )
        if template.model != self._name:
            raise UserError(
                self.env._("The template “%(template)s” is made for other records.", template=template.name)
            )
        self._gdpr_check_form(form)
        self._gdpr_check_one_each()
        self._gdpr_take_to_ask()
        options |= {"template_id": template.id, "to_person_only": True}
        mails = template.with_context(gdpr_request_options=options).send_mail_batch(
            self.ids, email_values={"auto_delete": False}
        )
        if len(mails) == 1:
            mails.send_after_commit()
        return mails.gdpr_request_id.sudo(False)

    def _gdpr_send_request(self, form, template, mail_values):
        """Send one request whose text is ready."""
        self.ensure_one()
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        options = RequestOptions({"form_id": form.id, "template_id": template.id})
        self.with_context(gdpr_request_options=options)._gdpr_raise_refusal()
        self._gdpr_check_form(form)
        self._gdpr_take_to_ask()
        mail = (
            self.env["mail.mail"]
            .sudo()
            .with_context(gdpr_request_options=options)
            .create(
                {
                    **mail_values,
                    "body": mail_values["body_html"],
                    "model": self._name,
                    "res_id": self.id,
                    "record_company_id": self._gdpr_get_company().id,
                    "email_to": self._gdpr_get_email_formatted(),
                    "message_type": "email_outgoing",
                    "is_notification": True,
                    "auto_delete": False,
                }
            )
        )
        mail.send_after_commit()
        return mail.gdpr_request_id

    def _gdpr_take_to_ask(self):
        """Keep others from asking the people of these cards, and cancel what waits to be sent to them.

        :raise UserError: somebody else has begun to ask one of them meanwhile
        :raise psycopg2.errors.SerializationFailure: something else has happened to one of them meanwhile, or the system
            asks: what was found out before may be otherwise now
        """
        people = self.sudo().gdpr_subject_id.root_id
        is_automatic = get_request_options(self.env).get("is_automatic")
        addresses = {card: (card._gdpr_get_company().id, card._gdpr_get_email()) for card in self}
        asked_there = set()
        try:
            with self.env.cr.savepoint():
                asked_there = people._take_to_ask({*addresses.values()})
                if asked_there and is_automatic:
                    people._start_again()
        except SerializationFailure:
            asked = people._find_asked_meanwhile()
            if not asked or is_automatic:
                raise
        else:
            asked = people._cancel_queued_questions()
        late = self.filtered(
            lambda card: card.sudo().gdpr_subject_id.root_id in asked or addresses[card] in asked_there
        )
        if late:
            raise UserError("\n".join(card._gdpr_explain_asked_now() for card in late[:10]))

    def _gdpr_check_one_each(self):
        """Refuse to ask several persons at one address at once."""
        first = {}
        for card in self:
            person = card.sudo().gdpr_subject_id.root_id
            address = (card._gdpr_get_company(), card._gdpr_get_email())
            if first.setdefault(address, person) != person:
                raise UserError(
                    self.env._(
                        "Several of these records have the address %(address)s. Ask one of them.", address=address[1]
                    )
                )

    def _gdpr_explain_asked_now(self):
        return self.env._(
            "%(name)s is being asked at this very moment, by a campaign or by somebody else.",
            name=self._gdpr_get_name(),
        )

    @api.model
    def _gdpr_check_form(self, form):
        if form and not form.sudo().version_number:
            raise UserError(self.env._("The form “%(form)s” isn't published yet. Publish it first.", form=form.name))

    @api.model
    def _gdpr_get_default_template(self):
        """Give the template for the model.

        :raise UserError: it was deleted and there is no other with the link
        """
        suffix = {"res.partner": "partner", "crm.lead": "lead"}.get(self._name)
        template = self.env.ref(f"gdpr_consent.mail_template_consent_request_{suffix}", raise_if_not_found=False)
        template = (
            template
            or self.env["mail.template"]
            .search([("model", "=", self._name)])
            .filtered(lambda template: template._asks_for_consent())[:1]
        )
        if not template:
            raise UserError(
                self.env._("There is no e-mail template with a consent link for these records. Create one first.")
            )
        return template

    def _gdpr_get_refusals(self):
        """Give, for those who can't be asked, why, in words (see ``_gdpr_get_refusal_codes``).

        :rtype: dict[int, str]
        """
        codes = self._gdpr_get_refusal_codes()
        return self.browse(codes)._gdpr_explain_refusals(codes) if codes else {}

    def _gdpr_get_refusal_codes(self):
        """Give, for those who can't be asked, the code of the reason. A few queries, whatever the number of cards.

        Who said no isn't asked again for a while, and who objects to marketing isn't at all (law.md R-18), but for
        the kinds of requests that the person asked for: the context's ``gdpr_request_options`` tell the kind.

        Nor is an address that is blacklisted, or has a question to answer already (see ``_gdpr_get_address_codes``).

        :return: ``not_consent``, ``restricted``, ``objected``, ``refused_lately``, ``archived``, ``no_email``,
            ``several_emails``, ``invalid_email``, ``no_form``, ``blacklisted`` or ``already_asked``, by id
        :rtype: dict[int, str]
        """
        options = get_request_options(self.env)
        is_asking = options.get("kind") not in UNASKED_KINDS
        # Who confirms what was typed has the basis Consent then.
        bases = ("consent", "not_applicable") if options.get("kind") == "confirmation" else ("consent",)
        cards = self.sudo()
        objecting = set(cards.gdpr_subject_id.filtered("objected").ids) if is_asking else ()
        codes = {}
        for card in cards:
            if card.gdpr_legal_basis not in bases:
                codes[card.id] = "not_consent"
            elif card.gdpr_restricted:
                codes[card.id] = "restricted"
            elif card.gdpr_subject_id.id in objecting:
                codes[card.id] = "objected"
        left = cards.filtered(lambda card: card.id not in codes)
        forms = left._gdpr_get_default_forms()
        if is_asking:
            codes |= dict.fromkeys(left._gdpr_get_cooldowns(self._gdpr_replace_forms(forms)), "refused_lately")
        for card in left:
            if card.id in codes:
                continue
            if card._active_name and not card[card._active_name]:
                codes[card.id] = "archived"
            elif not card._gdpr_get_email():
                codes[card.id] = card._gdpr_get_email_fault()
            elif not forms[card._gdpr_get_company()]:
                codes[card.id] = "no_form"
        if is_asking:
            codes |= left.filtered(lambda card: card.id not in codes)._gdpr_get_address_codes()
        return codes

    @api.model
    def _gdpr_replace_forms(self, forms):
        """Give the form each company asks with: the one that was chosen for the request, or its default."""
        form_id = get_request_options(self.env).get("form_id")
        chosen_form = self.env["gdpr.consent.form"].sudo().browse(form_id).exists()
        return dict.fromkeys(forms, chosen_form) if chosen_form.version_number else forms

    def _gdpr_get_email_fault(self):
        """Give the code of why the card has no address that its person can be asked at."""
        self.ensure_one()
        address = self[self._gdpr_email_field] or ""
        if not address.strip():
            return "no_email"
        return "several_emails" if len(email_normalize_all(address)) > 1 else "invalid_email"

    def _gdpr_explain_refusals(self, codes):
        """Give the sentences why these cards' persons can't be asked.

        :param dict[int, str] codes: as ``_gdpr_get_refusal_codes`` gives them
        :rtype: dict[int, str]
        """
        lately = self.filtered(lambda card: codes[card.id] == "refused_lately")
        moments = lately._gdpr_get_cooldowns(self._gdpr_replace_forms(lately._gdpr_get_default_forms()))
        return {card.id: card.sudo()._gdpr_explain_refusal(codes[card.id], moments.get(card.id)) for card in self}

    def _gdpr_explain_refusal(self, code, asked_again_from=None):
        self.ensure_one()
        name = self._gdpr_get_name()
        if code == "not_consent":
            return self.env._("The legal basis of %(name)s isn't Consent, so there is nothing to ask.", name=name)
        if code == "restricted":
            return self.env._("%(name)s asked you to suspend the processing.", name=name)
        if code == "objected":
            return self.env._(
                "%(name)s objects to any marketing, so only the person can ask for the form.",
                name=name,
            )
        if code == "refused_lately":
            date = format_date(self.env, fields.Datetime.context_timestamp(self, asked_again_from))
            if any(consent.state in DENIALS for consent in self.gdpr_subject_id.root_id.consent_ids):
                return self.env._("%(name)s said no, and isn't asked again before %(date)s.", name=name, date=date)
            return self.env._(
                "%(name)s can't be asked: somebody with the address %(address)s said no, and isn't asked again before"
                " %(date)s.",
                name=name,
                address=self._gdpr_get_email(),
                date=date,
            )
        if code == "blacklisted":
            return self.env._(
                "%(name)s can't be asked: the address %(address)s is blacklisted.",
                name=name,
                address=self._gdpr_get_email(),
            )
        if code == "already_asked":
            return self.env._(
                "%(name)s can't be asked: a question sent to %(address)s, for another record or to confirm what was"
                " typed, waits for an answer.",
                name=name,
                address=self._gdpr_get_email(),
            )
        if code == "archived":
            return self.env._("%(name)s is archived.", name=name)
        if code == "no_email":
            return self.env._("%(name)s has no e-mail address.", name=name)
        if code == "several_emails":
            return self.env._(
                "%(name)s has several e-mail addresses (%(address)s). Keep the one that is the person's own.",
                name=name,
                address=self[self._gdpr_email_field],
            )
        if code == "invalid_email":
            return self.env._(
                "The e-mail address of %(name)s, “%(address)s”, isn't valid.",
                name=name,
                address=self[self._gdpr_email_field],
            )
        return self.env._("%(company)s has no published consent form.", company=self._gdpr_get_company().name)

    def _gdpr_get_cooldowns(self, forms=None):
        """Give from when on (UTC) those can be asked again who said no a short while ago, by id of the card.

        A no counts, to something that the form asks for, of the person or of anybody with the address.

        :param dict forms: the form each company asks with, by default the first published one
        :rtype: dict[int, datetime]
        """
        if get_request_options(self.env).get("kind") == "renewal":
            # It asks about what was given; a no to something else doesn't let that end unasked.
            return {}
        cards = self.sudo()
        consents = self.env["gdpr.consent"].sudo()
        denied = consents.search(
            [("subject_id", "in", cards.gdpr_subject_id.root_id.ids), ("state", "in", list(DENIALS))], order="id"
        ).grouped("subject_id")
        addresses = {card: card._gdpr_get_email() for card in cards}
        at_address = cards.gdpr_subject_id.browse()._find_denials({*addresses.values()} - {False})
        if not denied and not at_address:
            return {}
        forms = forms or self._gdpr_get_default_forms()
        asked = {company: form._get_version()._get_purposes() for company, form in forms.items() if form}
        now = fields.Datetime.now()
        cooldowns = {}
        for card in cards:
            denials = [*denied.get(card.gdpr_subject_id.root_id, ())]
            denials += at_address.get(addresses[card], ())
            if not denials:
                continue
            company = card._gdpr_get_company()
            months = relativedelta(months=company.sudo().gdpr_cooldown_months)
            ends = [
                consent.event_id.occurred_on + months
                for consent in denials
                if company in asked and consent.purpose_id in asked[company]
            ]
            if ends and max(ends) > now:
                cooldowns[card.id] = max(ends)
        return cooldowns

    @api.model
    def _gdpr_get_message_type(self, kind):
        """Give the type of a message that asks for consent; what isn't in the chatter is a ``user_notification``.

        :param str kind: of the request
        """
        return "email_outgoing"

    def _gdpr_filter_askable(self):
        """Give those of the cards that are covered and whose person can be asked."""
        covered = self.env["gdpr.scope"]._filter_covered(self)
        refused = covered._gdpr_get_refusal_codes() if covered else {}
        return covered.filtered(lambda card: card.id not in refused)

    def _gdpr_get_default_forms(self):
        """Give the form in force of each company of these cards."""
        companies = {card._gdpr_get_company() for card in self}
        return {company: self.env["gdpr.consent.form"]._get_default(company) for company in companies}

    def _gdpr_raise_refusal(self):
        refusals = self._gdpr_get_refusals()
        if refusals:
            raise UserError("\n".join(list(refusals.values())[:10]))

    def _gdpr_describe_answer(self, lang):
        """Give the sentence that tells an operator what the person decided."""
        self.ensure_one()
        card = self.sudo().with_context(lang=lang)
        state = dict(card._fields["gdpr_consent_state"]._description_selection(card.env))[card.gdpr_consent_state]
        details = ", ".join([*card.gdpr_purpose_ids.mapped("name"), *card.gdpr_channel_ids.mapped("name")])
        if details:
            return card.env._(
                "%(name)s answered the consent request. Consent: %(state)s (%(details)s).",
                name=card._gdpr_get_name(),
                state=state,
                details=details,
            )
        return card.env._(
            "%(name)s answered the consent request. Consent: %(state)s.", name=card._gdpr_get_name(), state=state
        )
