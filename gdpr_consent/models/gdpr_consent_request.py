from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ..tools.server_context import RequestOptions, get_request_options
from .gdpr_consent_event import SOURCES

# What isn't the company's asking: the person asked for it, or has to confirm what was typed.
UNASKED_KINDS = ("fresh_link", "confirmation")


class GdprConsentRequest(models.Model):
    """One ask with one link. States, and who sets them:

    * queued: set when the mail is made, or when a campaign asks: its mail is made when it is sent;
    * sent: set when the mail server has taken the mail; the person is waited for;
    * answered: set by the person's answer, or by a withdrawal from elsewhere;
    * failed: set when the mail could not be sent, or came back;
    * expired: set by the life-cycle job when the link has lapsed;
    * cancelled: set when a newer request went out, or the basis is no longer consent.
    """

    _name = "gdpr.consent.request"
    _description = "Consent Request"
    _order = "id DESC"
    _rec_name = "subject_id"

    subject_id = fields.Many2one(
        "gdpr.subject", required=True, readonly=True, index=True, ondelete="cascade", help="Who is asked."
    )
    kind = fields.Selection(
        [
            ("first", "Request"),
            ("reminder", "Reminder"),
            ("renewal", "Renewal"),
            ("fresh_link", "Asked for by the person"),
            ("confirmation", "Confirmation"),
            ("imported", "Asked elsewhere"),
        ],
        required=True,
        readonly=True,
        default="first",
        help="Why the message was sent. A confirmation asks whether what somebody typed is the person's own will. What"
        " was asked elsewhere was brought over: it has no link, and nobody is reminded of it.",
    )
    reminder_number = fields.Integer(readonly=True, help="How many reminders came before and with this message.")
    declared_choices = fields.Json(
        readonly=True, copy=False, help="Confirmation: the channel codes declared, by id of each purpose."
    )
    declared_source = fields.Selection(SOURCES, readonly=True, help="Confirmation: where the choices were typed.")
    declared_note = fields.Text(readonly=True, copy=False, help="Confirmation: the note that was typed.")
    reminder_queued_on = fields.Datetime(
        readonly=True, copy=False, help="When the message that reminds of this one was made."
    )
    is_automatic = fields.Boolean(
        readonly=True, copy=False, help="Sent by itself: a new record, or a form of the web site."
    )
    campaign_id = fields.Many2one(
        "gdpr.consent.campaign",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The campaign that asked; empty where somebody asked this person alone.",
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    res_model = fields.Char(readonly=True)
    res_id = fields.Many2oneReference("Record", model_field="res_model", readonly=True)
    form_id = fields.Many2one(
        "gdpr.consent.form",
        required=True,
        readonly=True,
        ondelete="restrict",
        help="The form behind the link of the message.",
    )
    version_number = fields.Integer("Form Version", readonly=True, help="The version of the form that the link shows.")
    template_id = fields.Many2one("mail.template", readonly=True, ondelete="set null")
    user_id = fields.Many2one("res.users", string="Asked By", readonly=True, help="Who asked, and is told the answer.")
    email = fields.Char(readonly=True, index="btree_not_null", help="The address the link is delivered to.")
    lang = fields.Char(readonly=True, help="The language of the message and of the page.")
    state = fields.Selection(
        [
            ("queued", "Queued"),
            ("sent", "Sent"),
            ("answered", "Answered"),
            ("expired", "Expired"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="queued",
        index=True,
        help="Waits for an answer once it is sent. An answer, a newer request or the end of its time closes it.",
    )
    outcome = fields.Selection(
        [("accepted", "Accepted"), ("refused", "Refused")],
        readonly=True,
        copy=False,
        help="Whether the person who answered agreed to anything that was asked.",
    )
    failure_reason = fields.Text(readonly=True, help="What the mail server, or the check before sending, said.")
    is_in_doubt = fields.Boolean(
        "May Have Arrived",
        readonly=True,
        copy=False,
        help="Failed: nobody can tell whether the message arrived. It isn't sent again but by whom looks at it.",
    )
    sent_on = fields.Datetime(readonly=True, help="When the mail server took the message.")
    expires_on = fields.Datetime(
        "Can Be Answered Until",
        readonly=True,
        help="After that the link shows how to ask for a new form instead of giving consent.",
    )
    answered_on = fields.Datetime(readonly=True, help="When the person answered through the link.")
    message_id = fields.Char("Message-Id", readonly=True, index="btree_not_null")
    mail_mail_ids = fields.One2many("mail.mail", "gdpr_request_id")
    link_ids = fields.One2many("gdpr.link", "request_id")
    person_name = fields.Char("Name", compute="_compute_person_name", help="The name on the person's record now.")

    # For the life-cycle job, which looks for the few that are due.
    _sent_index = models.Index("(company_id, sent_on) WHERE state = 'sent'")
    _expiry_index = models.Index("(expires_on) WHERE state = 'sent'")
    # For the queue of a campaign, of which the most have left already.
    _campaign_index = models.Index("(campaign_id, id) WHERE state = 'queued' AND campaign_id IS NOT NULL")
    _unconfirmed_index = models.Index(
        "(expires_on) WHERE kind = 'confirmation' AND state != 'answered' AND email IS NOT NULL"
    )

    @api.depends("res_model", "res_id")
    def _compute_person_name(self):
        """The name on the card, for the messages; empty when the card is gone."""
        self.person_name = False
        for model, requests in self.filtered("res_id").grouped("res_model").items():
            cards = self.env["gdpr.subject.mixin"].sudo().with_context(active_test=False)
            cards = cards._get_cards(model, requests.mapped("res_id"))
            names = {card.id: card._gdpr_get_name() for card in cards or ()}
            for request in requests:
                request.person_name = names.get(request.res_id, False)

    def _get_card(self):
        """Give the record the person was asked from, archived or not; empty when it is gone."""
        self.ensure_one()
        if self.res_model not in self.env or not self.res_id:
            return None
        return self.env[self.res_model].with_context(active_test=False).browse(self.res_id).exists()

    def _get_version(self, lang=None):
        """Give the wording this request shows: the version it was sent with, or the newest after a material change."""
        self.ensure_one()
        return self.form_id._get_version(lang or self.lang, self.form_id._get_number_to_show(self.version_number))

    def action_show_wording(self):
        """Open the text the person was asked with."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Wording"),
            "res_model": "gdpr.consent.form.version",
            "res_id": self.form_id._get_version(self.lang, self.version_number).id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
        }

    def get_base_url(self):
        """Give the address of the web site whose look the page wears: the form's, else the company's, else Odoo's."""
        return self.form_id.sudo().get_base_url() if self else super().get_base_url()

    def _get_asked_purposes(self):
        return self.env["gdpr.purpose"].sudo().union(*self._get_offered_by_request().values())

    def _get_asked_by_request(self):
        """Give the purposes of the wording that each of these requests shows, in a few queries.

        :rtype: dict[gdpr.consent.request, gdpr.purpose]
        """
        asked = {}
        for alike in self.grouped(lambda request: (request.form_id, request.version_number, request.lang)).values():
            asked |= dict.fromkeys(alike, alike[0]._get_version()._get_purposes())
        return asked

    def _get_offered_by_request(self):
        """Give the purposes that the person decides on with each of these requests, in a few queries.

        :rtype: dict[gdpr.consent.request, gdpr.purpose]
        """
        asked = self._get_asked_by_request()
        return {request: request._filter_offered(purposes) for request, purposes in asked.items()}

    def _get_offered(self, version):
        """Give the purposes of a wording that the person decides on: of a confirmation, what was declared alone."""
        return self._filter_offered(version._get_purposes())

    def _filter_offered(self, purposes):
        self.ensure_one()
        if self.kind != "confirmation":
            return purposes
        declared = self._get_declared_choices()
        return purposes.filtered(lambda purpose: purpose.id in declared)

    # ------------------------------------------------------------
    # SENDING
    # ------------------------------------------------------------

    @api.model
    def _attach_to_mails(self, mails):
        """Make the request behind each outgoing mail that holds the link placeholder.

        However the mail came to be: the button, Odoo's composer, an automation rule. A mail that can't carry a
        link is cancelled with the reason.
        """
        for model, mails_of_model in mails.grouped("model").items():
            cards = self.env["gdpr.subject.mixin"]._get_cards(model, mails_of_model.mapped("res_id"))
            refusals = cards._gdpr_get_refusals() if cards is not None else {}
            for mail in mails_of_model:
                if cards is None or mail.res_id not in cards._ids:
                    reason = self.env._("A consent link can only be sent from a contact or a lead.")
                else:
                    reason = refusals.get(mail.res_id)
                if reason:
                    mail.write({"state": "cancel", "failure_type": "unknown", "failure_reason": reason})
            ready = mails_of_model.filtered(lambda mail: mail.state == "outgoing")
            if get_request_options(self.env).get("to_person_only"):
                # Whatever recipients the template names.
                for mail in ready:
                    mail.write(
                        {
                            "email_to": cards.browse(mail.res_id)._gdpr_get_email_formatted(),
                            "email_cc": False,
                            "recipient_ids": [fields.Command.clear()],
                        }
                    )
            # A colleague who is mailed the text gets no link: there is nothing to ask of a colleague.
            emails = {mail: cards.browse(mail.res_id)._gdpr_get_email() for mail in ready}
            asking = mails.browse(mail.id for mail, address in emails.items() if address in mail._get_addressees())
            asking = asking and self._take_people_to_ask(asking, cards)
            if asking:
                self._create_for_mails(asking, cards.browse(asking.mapped("res_id")))

    @api.model
    def _take_people_to_ask(self, mails, cards):
        """Keep others from asking the people these mails ask, and cancel what waits to be sent to them.

        A mail to somebody whose message is just being sent is cancelled with the reason, but for those that the person
        asked for.

        :param mails: mails about some of the cards
        :return: the other mails
        """
        people = {mail: cards.browse(mail.res_id).sudo().gdpr_subject_id.root_id for mail in mails}
        addresses = {
            mail: (cards.browse(mail.res_id)._gdpr_get_company().id, cards.browse(mail.res_id)._gdpr_get_email())
            for mail in mails
        }
        everybody = self.env["gdpr.subject"].sudo().union(*people.values())
        asked_there = everybody._take_to_ask({*addresses.values()})
        leaving = everybody._cancel_queued_questions()
        if get_request_options(self.env).get("kind") in UNASKED_KINDS:
            return mails
        # Of several persons with one address the first is asked.
        first = {}
        for mail in mails:
            first.setdefault(addresses[mail], people[mail])
        late = mails.filtered(
            lambda mail: (
                people[mail] in leaving or addresses[mail] in asked_there or first[addresses[mail]] != people[mail]
            )
        )
        for mail in late:
            reason = cards.browse(mail.res_id)._gdpr_explain_asked_now()
            mail.write({"state": "cancel", "failure_type": "unknown", "failure_reason": reason})
        return mails - late

    def _create_for_mails(self, mails, cards):
        options = get_request_options(self.env)
        chosen_form = self.env["gdpr.consent.form"].sudo().browse(options.get("form_id"))
        forms = cards._gdpr_get_default_forms()
        vals_list = []
        for mail in mails:
            card = cards.browse(mail.res_id)
            company = card._gdpr_get_company()
            form = chosen_form if chosen_form.version_number else forms[company]
            vals_list.append(
                {
                    "subject_id": card.sudo().gdpr_subject_id.root_id.id,
                    "kind": options.get("kind", "first"),
                    "is_automatic": options.get("is_automatic", False),
                    "company_id": company.id,
                    "res_model": card._name,
                    "res_id": card.id,
                    "form_id": form.id,
                    "version_number": form.version_number,
                    "template_id": options.get("template_id"),
                    "user_id": self.env.uid,
                    "email": card._gdpr_get_email(),
                    "lang": card._gdpr_get_lang(),
                }
            )
        for mail, request in zip(mails, self.sudo().create(vals_list), strict=True):
            mail.gdpr_request_id = request

    def _issue_links(self):
        """Make the links of an outgoing copy.

        They last, whatever becomes of the transaction: a message that left before a crash may have arrived. But for
        those of a request that isn't committed itself.

        Locks the person first: what is written once the mail has left must not fail, or it would be sent
        twice.

        :return: the tokens by kind
        :rtype: dict[str, str]
        """
        self.ensure_one()
        self.subject_id._lock_heads()
        # A mail tried again carries a new link; the one that never left is void.
        self.link_ids.sudo().filtered(lambda link: link.kind == "grant").unlink()
        self.env.flush_all()
        tokens = self.env["gdpr.link"]._issue_lasting(self) or self.env["gdpr.link"]._issue_for_requests(self)
        self.invalidate_recordset(["link_ids"])
        return tokens[self.id]

    def _begin_sending(self):
        """Make the links of a message that Odoo's own sending hands to the mail server now, and note that it does.

        After a crash the message isn't sent once more, for nobody can tell whether it arrived.

        :return: the tokens by kind
        :rtype: dict[str, str]
        :raise UserError: an earlier attempt was interrupted; the request is recorded as failed
        """
        self.subject_id._lock_heads()
        if self.env["gdpr.consent.delivery"].sudo()._begin(self):
            self._mark_failed(self._explain_doubt(), is_in_doubt=True)
            raise UserError(self._explain_doubt())
        # A human may send it once more.
        self.is_in_doubt = False
        return self._issue_links()

    def _send_fresh_link(self, subject, email):
        """Mail a new form to a person who asked for it, past any cool-down.

        Nothing is sent when no card of the person has the address any more, or when one went out less than an
        hour ago.

        :param gdpr.subject subject: the person
        :param str email: the address that the link was delivered to with which the person asks
        :return: the new request; empty when none was made
        """
        options = RequestOptions(
            {"kind": "fresh_link", "to_person_only": True, "form_id": self.form_id.filtered("active").id}
        )
        person = subject.sudo()._lock_person()
        cards = person._get_all_cards()
        reachable = [card for records in cards for card in records if card._gdpr_get_email() == email]
        # The record the person was asked from, where it still is one of them.
        reachable.sort(key=lambda card: (card._name, card.id) != (self.res_model, self.res_id))
        if not reachable:
            return self.browse()
        # By the system: whoever opens the page has no right to send.
        card = reachable[0].with_user(SUPERUSER_ID).with_company(reachable[0]._gdpr_get_company())
        card = card.with_context(gdpr_request_options=options)
        if card._gdpr_get_refusals():
            return self.browse()
        if not self.env["gdpr.rate.limit"]._hit("fresh_link", str(person.id), 1, minutes=60):
            return self.browse()
        template = card._gdpr_get_default_template()
        options["template_id"] = template.id
        mails = template.send_mail_batch(card.ids, email_values={"auto_delete": False})
        # Who asked at first learns of the answer.
        mails.gdpr_request_id.user_id = self.user_id
        mails.send_after_commit()
        return mails.gdpr_request_id

    def _mark_sent(self, message_ids):
        """Note that the mails left: the persons are waited for, and earlier links are superseded.

        :param dict[int, str] message_ids: the Message-Id of each request's mail
        """
        if not self:
            return
        now = fields.Datetime.now()
        grants = self.sudo().link_ids.filtered(lambda link: link.kind == "grant").grouped("request_id")
        self.write({"state": "sent", "sent_on": now, "failure_reason": False, "is_in_doubt": False})
        for request in self:
            # Those that were made a moment ago beside this transaction aren't seen in it.
            links = grants.get(request, self.env["gdpr.link"])
            if request.kind == "confirmation":
                # The period begins when the person has the message.
                links.expires_on = request._get_confirmation_end()
            request.expires_on = links[:1].expires_on or now + timedelta(days=request._get_link_days())
            request.message_id = message_ids[request.id]
        self._supersede_earlier()
        self.env["gdpr.subject"]._record_acts([request._prepare_asked(now) for request in self])

    def _supersede_earlier(self):
        """Void the earlier links of the persons these requests went to."""
        latest = {}
        for request in self.sorted("id"):
            latest[request.subject_id] = request
        earlier = self.subject_id.request_ids.filtered(
            lambda request: (
                request.id < latest[request.subject_id].id
                # What somebody typed doesn't void a link the person was sent.
                and (latest[request.subject_id].kind != "confirmation" or request.kind == "confirmation")
            )
        )
        earlier._cancel()

    def _prepare_asked(self, sent_on):
        self.ensure_one()
        actor = {"reminder": "system", "renewal": "system", "fresh_link": "person"}.get(self.kind, "operator")
        if self.is_automatic:
            actor = "system"
        return {
            "subject_id": self.subject_id.id,
            "action": "asked",
            "occurred_on": sent_on,
            "source": "email",
            "actor": actor,
            "user_id": self.user_id.id if actor == "operator" else None,
            "version_id": self._get_version().id,
            "request_id": self.id,
            "company_id": self.company_id.id,
            "values": {"email": self.email},
        }

    def _mark_failed(self, reason, action="delivery_failed", is_in_doubt=False):
        """Note that the mail didn't reach the person, and why; or that nobody can tell whether it did."""
        acts = []
        self.write({"state": "failed", "failure_reason": reason, "is_in_doubt": is_in_doubt})
        for request in self:
            acts.append(
                {
                    "subject_id": request.subject_id.id,
                    "action": action,
                    "actor": "system",
                    "request_id": request.id,
                    "company_id": request.company_id.id,
                    "values": {"reason": reason or "", "email": request.email},
                }
            )
        if acts:
            self.env["gdpr.subject"]._record_acts(acts)

    def _cancel(self):
        """Void the links of these requests and the mails that haven't left."""
        open_requests = self.filtered(lambda request: request.state in ("queued", "sent", "failed"))
        unsent = open_requests.mail_mail_ids.filtered(lambda mail: mail.state in ("outgoing", "exception"))
        unsent.write({"state": "cancel"})
        open_requests.write({"state": "cancelled"})
