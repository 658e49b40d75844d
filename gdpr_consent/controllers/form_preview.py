from werkzeug.exceptions import NotFound

from odoo.exceptions import AccessError
from odoo.http import Controller, request, route

from ..models.gdpr_consent_form_version import read_content
from .privacy_page import CONTENT_SECURITY_POLICY, PrivacyPage

PREVIEW_PAGE = {
    "type": "http",
    "auth": "user",
    "website": True,
    "multilang": False,
    "sitemap": False,
    "methods": ["GET"],
}
# What the person's page refuses to all, the preview allows to itself.
FRAMED_BY_SELF = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
    "X-Frame-Options": "SAMEORIGIN",
}
FRAMES_SELF = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"}


class FormPreview(PrivacyPage, Controller):
    """The consent form as a person will see it: from the text as it stands, for administrators; as it was published,
    for who asks."""

    @route("/gdpr/preview/<int:form_id>", **PREVIEW_PAGE)
    def preview(self, form_id, **_params):
        """Show the page in a frame, with the choice of the language and the width."""
        form = self._find_form(form_id)
        lang = self._speak(request.env.user.lang)
        request.update_context(lang=request.env.user.lang)
        languages = request.env["res.lang"].get_installed()
        response = self._render(
            "gdpr_consent.form_preview",
            {
                "title": form.name,
                "shown_lang": lang,
                "languages": languages,
                "untranslated": form._get_untranslated(lang),
                "is_phone": request.params.get("device") == "phone",
                "frame_url": f"/gdpr/preview/{form.id}/page?lang={lang}",
            },
        )
        response.headers.update(FRAMES_SELF)
        return response

    @route("/gdpr/preview/<int:form_id>/page", **PREVIEW_PAGE)
    def preview_page(self, form_id, **_params):
        """Show the page itself; its buttons do nothing."""
        form = self._find_form(form_id)
        lang = self._speak(request.env.user.lang)
        response = self._render(
            "gdpr_consent.consent_page",
            {
                "content": read_content(form._get_frozen_text(lang)),
                "languages": form._get_languages(),
                "form": form,
                "email": "name@example.com",
                "preview": True,
                **self._get_record(request.env["gdpr.subject"]),
            },
        )
        response.headers.update(FRAMED_BY_SELF)
        return response

    @route("/gdpr/preview/version/<int:version_id>", **PREVIEW_PAGE)
    def preview_version(self, version_id, **_params):
        """Show the page with a published wording; its buttons do nothing. The links of a campaign's test lead here."""
        user = request.env.user
        if not user.has_group("gdpr_consent.group_user"):
            raise AccessError(request.env._("Only who may ask for consent can preview consent forms."))
        version = request.env["gdpr.consent.form.version"].browse(version_id).exists()
        if not version or not version.with_context(allowed_company_ids=user.company_ids.ids).has_access("read"):
            raise NotFound()
        version = version.sudo()
        self._speak(version.lang)
        request.update_context(inherit_branding=False)
        return self._render(
            "gdpr_consent.consent_page",
            {
                "content": read_content(version.content),
                "languages": [version.lang],
                "form": version.form_id,
                "email": "name@example.com",
                "preview": True,
                **self._get_record(request.env["gdpr.subject"]),
            },
        )

    def _find_form(self, form_id):
        """Give the form, of any company of the user's: a page of a web site knows that of the site alone."""
        user = request.env.user
        if not user.has_group("gdpr_consent.group_manager"):
            raise AccessError(request.env._("Only an administrator can preview consent forms."))
        form = request.env["gdpr.consent.form"].browse(form_id).exists()
        if not form or not form.with_context(allowed_company_ids=user.company_ids.ids).has_access("read"):
            raise NotFound()
        # A designer of the web site sees the page as people do, without the marks of its editor.
        request.update_context(inherit_branding=False)
        return form.sudo()
