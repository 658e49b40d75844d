from werkzeug.datastructures import MultiDict

from odoo.http import request, route

from odoo.addons.portal.controllers.portal import CustomerPortal

from .answers import read_answer
from .record_page import RecordPage

CHANGES = ("withdraw", "channels", "object", "note")


class PrivacyPortal(RecordPage, CustomerPortal):
    """The same form and choices for a person who is logged in."""

    @route("/my/privacy", type="http", auth="user", website=True, sitemap=False, methods=["GET", "POST"])
    def my_privacy(self, **_params):
        """Show the form with the person's present choices, or record new ones, or a request."""
        partner = request.env.user.partner_id
        company = partner.sudo()._gdpr_get_company()
        form = request.env["gdpr.consent.form"]._get_default(company)
        version = form._get_version(request.env.lang) if form else None
        values = {
            "page_name": "privacy",
            "partner": partner.sudo(),
            "form": form,
            "version": version,
            "content": self._get_portal_content(version) if version else None,
            "asked": bool(version)
            and request.env["gdpr.scope"]._is_enabled()
            and partner.sudo().gdpr_legal_basis == "consent",
        }
        if request.httprequest.method != "POST":
            return self._show_in_portal(partner, values | {"saved": request.params.get("saved")})
        answer = request.httprequest.form.get("answer")
        if answer == "request":
            return self._receive_in_portal(partner, values)
        if answer in CHANGES:
            return self._change_in_portal(partner, version, values)
        if values["asked"]:
            return self._answer_in_portal(partner, version, values)
        return self._show_in_portal(partner, values)

    def _get_portal_content(self, version):
        """Give the wording, with what it says that the buttons do here."""
        content = version._get_content()
        texts = content["texts"]
        return content | {"texts": texts | {"buttons": texts.get("portal_buttons", texts["buttons"])}}

    def _show_in_portal(self, partner, values, status=200):
        subject = partner.sudo().gdpr_subject_id
        record = self._get_record(subject)
        # What is due for renewal must be agreed to anew.
        valid = record["given"].filtered(lambda consent: not consent.renewal_due)
        given = {consent.purpose_id.code: consent.channel_ids.mapped("code") for consent in valid}
        ticked = set(given) | {f"{code}.{channel}" for code, channels in given.items() for channel in channels}
        rights = self._get_rights(subject)
        received = rights["open_requests"].filtered(lambda asked: asked.name == request.params.get("number"))
        values = {"ticked": ticked, "email": partner.email, "received": received, **record, **rights, **values}
        response = request.render("gdpr_consent.portal_my_privacy", values)
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
        return response

    def _get_act(self, partner):
        # Not the user: the person may delete the portal account, and the proof stays.
        return {
            "source": "portal",
            "actor": "person",
            "values": self._get_circumstances(partner.sudo()._gdpr_get_company()),
        }

    def _change_in_portal(self, partner, version, values):
        """Take back something, whether or not consent is still asked for."""
        act = self._get_act(partner) | {"version_id": version.id if version else None}
        answer = request.httprequest.form["answer"]
        outcome, _events = self._record_change(partner.sudo()._gdpr_ensure_subjects(), answer, act)
        return self._redirect(f"/my/privacy?saved={outcome}") if outcome else self._show_in_portal(partner, values)

    def _answer_in_portal(self, partner, version, values):
        sent = request.httprequest.form
        # The words that were on the screen, even where a rewording was published since.
        version = version.form_id._find_version(sent.get("version", "")) or version
        content = version._get_content()
        if sent.get("answer") == "accept" and "portal_buttons" in content["texts"]:
            # All means all, as the words say: what is ticked here are the present choices.
            sent = MultiDict({"answer": "accept", "note": sent.get("note", "")})
        answer = read_answer(request.env, content, sent)
        if answer.is_agreement and self._is_outdated(version):
            answer.problems = [self._describe_change()]
        if answer.problems:
            return self._show_in_portal(partner, values | {"answer": answer, "ticked": answer.ticked}, status=422)
        subject = partner.sudo()._gdpr_ensure_subjects()
        act = self._get_act(partner)
        act["values"]["note"] = answer.note
        note = act["values"].get("note")
        events = subject._record_answer(version, answer.choices, keep_present=True, **act)
        if note and not events:
            subject._record_note(note, **act)
        settled = subject.request_ids._filter_settled_by(version)
        settled._close_answered()
        settled._notify_asker()
        return self._redirect(f"/my/privacy?saved={'changed' if events else 'unchanged'}")

    def _receive_in_portal(self, partner, values):
        """Receive a data-subject request of the person who is logged in."""
        request_type, missing = self._read_subject_request()
        note = self._read_note()
        if missing == "type":
            return self._show_in_portal(partner, values | {"missing_type": True, "request_note": note}, status=422)
        if missing == "retracted":
            return self._show_in_portal(partner, values | {"chosen": request_type, "request_note": note})
        if missing:
            return self._show_in_portal(partner, values | {"to_confirm": request_type, "request_note": note})
        received = request.env["gdpr.subject.request"]._receive(
            partner.sudo()._gdpr_ensure_subjects(),
            request_type,
            company_id=partner.sudo()._gdpr_get_company().id,
            source="portal",
            email=partner.sudo()._gdpr_get_email(),
            lang=request.env.lang,
            note=note,
        )
        return self._redirect(f"/my/privacy?saved=requested&number={received.name}")
