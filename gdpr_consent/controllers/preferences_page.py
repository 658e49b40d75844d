from odoo.http import request, route

from .privacy_page import LINK_PAGE, PrivacyPage


class PreferencesPage(PrivacyPage):
    """The page behind the preferences link: see and take back, never grant."""

    @route("/gdpr/preferences/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def preferences(self, token, **_params):
        """Show what is on record, or take back what the person ticked."""
        link, page = self._find_link("preferences", token)
        if page:
            return page
        self._speak(link.request_id.lang)
        subject = link.subject_id
        done = False
        if request.httprequest.method == "POST":
            self._withdraw(link)
            done = True
        asking = link.request_id
        return self._render(
            "gdpr_consent.preferences_page",
            {
                "content": asking._get_version(request.env.lang)._get_content(),
                "form": asking.form_id,
                "email": link.email,
                "done": done,
                "awaited": subject.consent_state in ("waiting", "no_response"),
                "copy_url": f"/gdpr/preferences/{token}/copy",
                **self._get_record(subject),
            },
        )

    def _withdraw(self, link):
        """Take back one purpose, or all; open questions are answered with no too."""
        subject = link.subject_id
        code = request.httprequest.form.get("purpose")
        purposes = subject.consent_ids.purpose_id.filtered(lambda purpose: purpose.code == code)
        if code and not purposes:
            return
        asking = link.request_id
        values = self._get_circumstances(asking.company_id) | {"email": link.email}
        note = (request.httprequest.form.get("note") or "").replace("\0", "").strip()
        events = subject._record_withdrawal(
            purposes if code else None,
            source="email",
            actor="person",
            version_id=asking._get_version(request.env.lang).id,
            values=values | {"note": note[:2000]},
        )
        if events:
            asking._notify_asker()
