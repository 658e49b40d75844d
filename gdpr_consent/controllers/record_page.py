from odoo.http import request

from .answers import NOTE_LIMIT
from .privacy_page import PrivacyPage


class RecordPage(PrivacyPage):
    """What the preference page and the portal have in common: taking back, objecting, and requests."""

    def _get_rights(self, subject):
        """Give what a page shows of the requests a person can make, and has made."""
        requests = request.env["gdpr.subject.request"].sudo().with_context(lang=request.env.lang)
        return {
            "open_requests": requests._find_open(subject.sudo()),
            "request_types": requests._get_types_in_words(),
        }

    def _read_note(self):
        note = (request.httprequest.form.get("note") or "").replace("\0", "").strip()
        return note[:NOTE_LIMIT]

    def _record_change(self, subject, answer, act):
        """Record what the person takes back. Only what was given can be; whatever else was sent changes nothing.

        :param str answer: ``withdraw``, ``channels``, ``object`` or ``note``
        :param dict act: values of the act for the one door in
        :return: what to tell the person: ``changed``, ``unchanged``, ``noted``, ``empty`` or None; and the events
        """
        form = request.httprequest.form
        subject = subject.sudo().root_id
        none = request.env["gdpr.consent.event"]
        code = form.get("purpose")
        consents = subject.consent_ids.filtered(lambda consent: consent.purpose_id.code == code)
        if code and not consents:
            return None, none
        note = self._read_note()
        act = {**act, "values": act["values"] | {"note": note}}
        if answer == "withdraw":
            events = subject._record_withdrawal(consents.purpose_id if code else None, **act)
        elif answer == "channels" and code:
            kept = set(form.getlist("channel"))
            taken_back = {consent.purpose_id.id: set(consent.channel_ids.mapped("code")) - kept for consent in consents}
            events = subject._record_channels_withdrawal(taken_back, **act)
        elif answer == "object":
            events = subject._record_objection(**act)
        elif answer == "note" and note:
            return "noted", subject._record_note(**act)
        elif answer == "note":
            return "empty", none
        else:
            return None, none
        return "changed" if events else "unchanged", events

    def _read_subject_request(self):
        """Read a submitted data-subject request.

        :return: the type, and what is missing: ``type``, ``confirmation``, or None; ``retracted`` where the person
            goes back
        """
        form = request.httprequest.form
        request_type = form.get("type")
        if request_type not in request.env["gdpr.subject.request"]._get_types_in_words():
            return None, "type"
        if request_type == "erasure" and form.get("confirmed") != "yes":
            return request_type, "retracted" if form.get("confirmed") else "confirmation"
        return request_type, None
