from datetime import timedelta

from odoo import api, fields, models

# A second answer within this time is a double click or a second tab, not a reuse of the link.
GRACE = timedelta(minutes=10)


class GdprConsentRequest(models.Model):
    """The answer of the person to a request, through its link."""

    _inherit = "gdpr.consent.request"

    def _filter_settled_by(self, version):
        """Give the open requests that ask for nothing but what a wording asks for too."""
        answered = version._get_purposes()
        return self.filtered(
            lambda request: request.state in ("queued", "sent") and request._get_asked_purposes() <= answered
        )

    @api.model
    def _find_unsettled(self, people):
        """Give the requests of these people that an answer settles, those in doubt too; one query."""
        return self.sudo().search_fetch(
            [("subject_id", "in", people.ids), "|", ("state", "in", ("queued", "sent")), ("is_in_doubt", "=", True)],
            ["subject_id", "kind", "state", "is_in_doubt", "form_id", "version_number", "lang"],
            order="id",
        )

    def _close_answered(self):
        """Settle these requests: who has answered isn't mailed the question any more.

        Called once the answer is on record: the outcome follows from it.
        """
        open_requests = self.filtered(lambda request: request.state in ("queued", "sent") or request.is_in_doubt)
        unsent = open_requests.mail_mail_ids.filtered(lambda mail: mail.state in ("outgoing", "exception"))
        unsent.write({"state": "cancel"})
        for outcome, requests in open_requests._group_by_outcome().items():
            requests.write(
                {
                    "state": "answered",
                    "answered_on": fields.Datetime.now(),
                    "outcome": outcome,
                    "is_in_doubt": False,
                }
            )

    def _group_by_outcome(self):
        """Give these requests by what became of them: ``accepted`` where anything that was asked is agreed to now."""
        given = self.sudo().subject_id.root_id.consent_ids.filtered(lambda consent: consent.state == "given")
        agreed = {(consent.subject_id.id, consent.purpose_id.id) for consent in given}
        asked = {}

        def get_outcome(request):
            # One reading does for all that were sent the same words.
            words = (request.form_id, request.version_number, request.lang, request.kind == "confirmation" and request)
            if words not in asked:
                asked[words] = request._get_asked_purposes().ids
            person = request.subject_id.root_id.id
            return "accepted" if any((person, purpose_id) in agreed for purpose_id in asked[words]) else "refused"

        return self.grouped(get_outcome)

    def _is_answerable(self):
        """Tell whether the link can still record an answer."""
        self.ensure_one()
        if self.state != "sent" and not self._has_perhaps_arrived():
            return False
        # What somebody declared may not be asked for any more.
        return self.kind != "confirmation" or bool(self._get_offered(self._get_version()))

    def _was_just_answered(self):
        """Tell whether the answer came a moment ago: the same person, clicking twice or in a second tab."""
        self.ensure_one()
        return self.state == "answered" and self.answered_on > fields.Datetime.now() - GRACE

    def _answer(self, version, answer, choices, values):
        """Record what the person answered through the link.

        A second answer through the same link can take consent back, but can't give it: it is noted in the
        ledger and changes nothing.

        :param gdpr.consent.form.version version: what the person saw
        :param str answer: ``accept``, ``save`` or ``refuse``; of a confirmation ``confirm`` or ``refuse``
        :param dict[int, list[str]] choices: the channel codes allowed, by id of each purpose agreed to
        :param dict values: personal values of the act
        """
        self.ensure_one()
        subject = self.subject_id
        # Waits for another answer that comes at the same moment; Odoo then tries this one again, after that one.
        heads = subject._lock_heads()
        if self._has_perhaps_arrived():
            # Quicker than the sender, which has yet to record that the message left; or the sender was interrupted,
            # and the answer tells that the message has arrived.
            self._mark_sent({self.id: False})
            heads = None
        offered = self._get_offered(version)
        act = {
            "source": self.declared_source if self.kind == "confirmation" and choices else "email",
            "actor": "person",
            "request_id": self.id,
            "company_id": self.company_id.id,
            "values": values,
        }
        if self._is_answerable():
            if self.kind == "confirmation" and choices and subject.root_id.legal_basis == "not_applicable":
                basis = {"subject_id": subject.id, "action": "basis_changed", "legal_basis": "consent"}
                subject._record_acts([{**basis, "actor": "system", "company_id": self.company_id.id}])
                heads = None
            subject._record_answer(version, choices, offered=offered, heads=heads, **act)
            self._find_unsettled(subject)._close_answered()
            self._notify_asker()
            return
        denied = offered.filtered(lambda purpose: purpose.id not in choices)
        if denied and subject._record_withdrawal(denied, version_id=version.id, **act):
            self._notify_asker()
        asked_for = self._describe_choices(answer, choices)
        if (choices and not subject._has_answer(choices) and not self._has_value("answer", asked_for)) or not (
            self._has_value("note", values.get("note"))
        ):
            self.env["gdpr.subject"]._record_acts(
                [
                    act
                    | {
                        "subject_id": subject.id,
                        "action": "late_answer",
                        "version_id": version.id,
                        "values": values | {"answer": asked_for},
                    }
                ]
            )

    def _describe_choices(self, answer, choices):
        """Give an answer in one line, by codes: ``save: marketing (email, phone)``."""
        purposes = self.env["gdpr.purpose"].sudo().browse(choices)
        chosen = [f"{purpose.code} ({', '.join(sorted(choices[purpose.id]))})" for purpose in purposes]
        return f"{answer}: {'; '.join(chosen) or '-'}"

    def _has_value(self, name, text):
        """Tell whether a personal value came with an answer to this request already, or is empty."""
        events = self.env["gdpr.consent.event"].search([("request_id", "=", self.id)])
        return not text or text in events.value_ids.filtered(lambda value: value.name == name).mapped("value")

    def _notify_asker(self):
        """Tell who asked, in the chatter of the card, what the person decided.

        Who asked a hundred thousand at once isn't written a hundred thousand times: the campaign counts the answers.
        """
        for request in self.filtered(lambda request: request.user_id and not request.campaign_id):
            card = request.sudo()._get_card()
            if not card:
                continue
            partner = request.user_id.partner_id
            message = card._gdpr_describe_answer(request.user_id.lang)
            card.message_post(
                body=message,
                message_type="notification",
                subtype_xmlid="mail.mt_note",
                partner_ids=partner.ids if request.user_id.active else [],
                author_id=self.env.ref("base.partner_root").id,
            )
