from odoo import SUPERUSER_ID, models


class GdprSubjectMixin(models.AbstractModel):
    """What the person behind a card asks under articles 15 to 22."""

    _inherit = "gdpr.subject.mixin"

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
        people -= requests._find_open(people, [request_type]).subject_id.root_id
        # By the card that was chosen, of several of one person the first with an address.
        chosen = {}
        for card in self.sudo().sorted(lambda card: not card._gdpr_get_email()):
            chosen.setdefault(card.gdpr_subject_id.root_id, card)
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
