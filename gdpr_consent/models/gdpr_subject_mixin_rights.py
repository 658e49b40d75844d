from odoo import SUPERUSER_ID, api, fields, models


class GdprSubjectMixin(models.AbstractModel):
    """What the person behind a card asks under articles 15 to 22."""

    _inherit = "gdpr.subject.mixin"

    gdpr_data_request_ids = fields.Many2many(
        "gdpr.subject.request",
        string="Open Requests",
        compute="_compute_gdpr_data_requests",
        compute_sudo=True,
        groups="gdpr_consent.group_officer",
        help="What the person asks about the own data and has no answer to yet.",
    )
    gdpr_has_data_request = fields.Boolean(
        "Has an Open Request",
        compute="_compute_gdpr_data_requests",
        compute_sudo=True,
        groups="gdpr_consent.group_user",
    )

    @api.depends("gdpr_subject_id.open_request_count")
    @api.depends_context("allowed_company_ids")
    def _compute_gdpr_data_requests(self):
        """What is asked of the companies the user works for; nothing is looked up where there is nothing."""
        asking = self.filtered("gdpr_subject_id.open_request_count")
        others = self - asking
        others.gdpr_data_request_ids = False
        others.gdpr_has_data_request = False
        if not asking:
            return
        requests = self.env["gdpr.subject.request"]._find_open(asking.gdpr_subject_id)
        requests = requests.filtered(lambda request: request.company_id in self.env.companies)
        by_root = requests.grouped(lambda request: request.subject_id.root_id)
        for card in asking:
            found = by_root.get(card.gdpr_subject_id.root_id, requests.browse())
            card.gdpr_data_request_ids = found
            card.gdpr_has_data_request = bool(found)

    def action_gdpr_request_access(self):
        """Take in that the person wants to know what is held (article 15)."""
        return self._gdpr_ask("access")

    def action_gdpr_request_rectification(self):
        """Take in that the person wants data corrected (article 16)."""
        return self._gdpr_ask("rectification")

    def action_gdpr_request_export(self):
        """Take in that the person wants the data as a file (article 20)."""
        return self._gdpr_ask("portability")

    def action_gdpr_request_stop(self):
        """Take in that the person wants the processing to stop (article 18)."""
        return self._gdpr_ask("restriction")

    def action_gdpr_request_erasure(self):
        """Take in that the person wants the data deleted (article 17)."""
        return self._gdpr_ask("erasure")

    def _gdpr_ask(self, request_type):
        """Make the request, or find the open one of its kind; open it for officers, hand it on for others."""
        self.ensure_one()
        request = self._gdpr_receive_request(request_type)
        if self.env.user.has_group("gdpr_consent.group_officer"):
            return {
                "type": "ir.actions.act_window",
                "res_model": "gdpr.subject.request",
                "res_id": request.id,
                "view_mode": "form",
            }
        return request._notify_handed_on({"type": "ir.actions.client", "tag": "soft_reload"})

    def action_gdpr_new_request(self):
        """Open a new data-subject request of this person.

        An officer gets the request itself; others a form that hands it on to the officer.
        """
        self.ensure_one()
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        name = self.env._("New request")
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            return self._gdpr_open_wizard("gdpr.subject.request.entry", name)
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "gdpr.subject.request",
            "view_mode": "form",
            "context": {
                "default_subject_id": self._gdpr_ensure_subjects().root_id.id,
                "default_company_id": self._gdpr_get_company().id,
                "default_email": self._gdpr_get_email(),
                "default_lang": self._gdpr_get_lang(),
            },
        }

    def _gdpr_receive_request(self, request_type, **values):
        """Give the open data-subject request of a type of this person; make it where there is none.

        :param str request_type: access, rectification, portability, restriction, objection or erasure
        :param values: further field values of the request
        :rtype: gdpr.subject.request
        """
        self.ensure_one()
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        return self.env["gdpr.subject.request"]._receive(
            self._gdpr_ensure_subjects(),
            request_type,
            company_id=self._gdpr_get_company().id,
            email=self._gdpr_get_email(),
            lang=self._gdpr_get_lang(),
            **values,
        )

    def _gdpr_confirm_for_many(self, request_type):
        """Open the wizard that says what making requests of a type of these people means, before any is made."""
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        return self._gdpr_open_wizard(
            "gdpr.subject.request.confirmation", self.env._("Privacy requests"), default_request_type=request_type
        )

    def _gdpr_ask_for_many(self, request_type):
        """Make the requests of these people, and give the notification that says how many."""
        requests = self._gdpr_receive_requests(request_type)
        people = self.sudo().gdpr_subject_id.root_id
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if requests else "warning",
                "message": self.env._(
                    "Requests made: %(made)s. Persons with an open request of this kind: %(open)s.",
                    made=len(requests),
                    open=len(people - requests.subject_id.root_id),
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _gdpr_describe_people(self):
        """Give one record for each person behind these cards: who is on record, or the card that stands for the person.

        :rtype: set
        """
        people = set()
        for card in self.sudo():
            heads = [card, card.partner_id] if "partner_id" in card._fields else [card]
            subject = next((head.gdpr_subject_id.root_id for head in heads if head.gdpr_subject_id), None)
            people.add(subject or next(head for head in reversed(heads) if head))
        return people

    @api.model
    def _gdpr_find_by_address(self, address):
        """Give the cards whose one address is exactly this normalised one."""
        field = "email_normalized" if "email_normalized" in self._fields else self._gdpr_email_field
        if field not in self._fields or not self._fields[field].store:
            return self.browse()
        is_normalized = field == "email_normalized"
        # A pattern, so that letters of either case are found; the address itself is compared below.
        found = self.search([(field, "=", address)] if is_normalized else [(field, "ilike", address)])
        return found.filtered(lambda card: card._gdpr_get_email() == address)

    def _gdpr_receive_requests(self, request_type, **values):
        """Make a data-subject request of a type for each person of these cards who has no open one.

        :param str request_type: as for ``_gdpr_receive_request``
        :param values: further field values of the requests
        :return: the new requests, one a person
        :rtype: gdpr.subject.request
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        # A visitor, whose act a rule has followed, isn't on record as who typed it in.
        operator = self.env.user if self.env.user._is_internal() else self.env["res.users"].browse(SUPERUSER_ID)
        requests = self.env["gdpr.subject.request"].with_user(operator).sudo()
        if not self:
            return requests
        people = self._gdpr_ensure_subjects().root_id._lock_people()
        # By the card that was chosen, of several of one person the first with an address.
        chosen = {}
        for card in self.sudo().sorted(lambda card: not card._gdpr_get_email()):
            chosen.setdefault(card.gdpr_subject_id.root_id, card)
        for earlier in requests._find_open(people, [request_type]):
            person = earlier.subject_id.root_id
            # What another company was asked is for that one to answer.
            if chosen[person]._gdpr_get_company() == earlier.company_id:
                people -= person
        return requests.with_context(mail_create_nosubscribe=True).create(
            [
                {
                    "subject_id": person.id,
                    "type": request_type,
                    "company_id": chosen[person]._gdpr_get_company().id,
                    "email": chosen[person]._gdpr_get_email(),
                    "lang": chosen[person]._gdpr_get_lang(),
                    **values,
                }
                for person in people
            ]
        )
