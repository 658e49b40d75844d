from odoo.http import request, route

from odoo.addons.portal.controllers.portal import CustomerPortal

from .answers import read_answer
from .privacy_page import PrivacyPage


class PrivacyPortal(PrivacyPage, CustomerPortal):
    """The same form and choices for a person who is logged in."""

    @route("/my/privacy", type="http", auth="user", website=True, sitemap=False, methods=["GET", "POST"])
    def my_privacy(self, **_params):
        """Show the form with the person's present choices, or record new ones."""
        partner = request.env.user.partner_id
        company = partner.sudo()._gdpr_get_company()
        form = request.env["gdpr.consent.form"]._get_default(company)
        version = form._get_version(request.env.lang) if form else None
        values = {
            "page_name": "privacy",
            "partner": partner.sudo(),
            "form": form,
            "version": version,
            "content": version._get_content() if version else None,
            "asked": bool(version)
            and request.env["gdpr.scope"]._is_enabled()
            and partner.sudo().gdpr_legal_basis == "consent",
        }
        if request.httprequest.method == "POST":
            if request.httprequest.form.get("answer") == "withdraw":
                return self._withdraw_in_portal(partner, version)
            if values["asked"]:
                return self._answer_in_portal(partner, version, values)
        return self._show_in_portal(partner, values | {"saved": request.params.get("saved")})

    def _show_in_portal(self, partner, values, status=200):
        record = self._get_record(partner.sudo().gdpr_subject_id)
        given = {consent.purpose_id.code: set(consent.channel_ids.mapped("code")) for consent in record["given"]}
        ticked = set(given) | {f"{code}.{channel}" for code, channels in given.items() for channel in channels}
        values = {"ticked": ticked, "email": partner.email, **record, **values}
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

    def _withdraw_in_portal(self, partner, version):
        """Take back everything, whether or not consent is still asked for."""
        subject = partner.sudo().gdpr_subject_id
        if subject:
            subject._record_withdrawal(version_id=version.id if version else None, **self._get_act(partner))
        return self._redirect("/my/privacy?saved=1")

    def _answer_in_portal(self, partner, version, values):
        answer = read_answer(request.env, version._get_content(), request.httprequest.form)
        if answer.problems:
            return self._show_in_portal(partner, values | {"answer": answer, "ticked": answer.ticked}, status=422)
        subject = partner.sudo()._gdpr_ensure_subjects()
        act = self._get_act(partner)
        act["values"]["note"] = answer.note
        subject._record_answer(version, answer.choices, **act)
        settled = subject.request_ids.filtered(lambda asking: asking.state in ("queued", "sent"))
        settled._close_answered()
        settled._notify_asker()
        return self._redirect("/my/privacy?saved=1")
