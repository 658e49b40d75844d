from odoo.http import Controller, request, route

from .privacy_page import HEADERS, LINK_PAGE
from .request_link_page import RequestLinkPage


class DownloadPage(RequestLinkPage, Controller):
    """The page behind the link of an answer: its files, each with a button (law.md R-49, R-93, R-99)."""

    _unusable_template = "gdpr_consent.download_unusable"

    @route("/gdpr/download/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def download(self, token, **_params):
        """Show the files, or give one of them; giving is counted and logged, showing changes nothing."""
        link, page = self._find_link("download", token)
        if page:
            return page
        self._speak(link._get_lang())
        files = self._get_files(link)
        if not files or link.use_count >= link._get_company().gdpr_download_limit:
            return self._unusable()
        if request.httprequest.method != "POST":
            return self._show_files(link, files)
        name = request.httprequest.form.get("file")
        wanted = files.filtered(lambda file: file.name == name)[:1]
        if not wanted:
            return self._show_files(link, files, status=422)
        if not link._use_up():
            return self._unusable()
        link.answer_id.request_id._log_step("downloaded", wanted.name)
        return self._give(wanted)

    def _get_files(self, link):
        answer = link.answer_id
        return answer.attachment_ids.sorted("id") if answer.state in ("ready", "sent") else answer.attachment_ids[:0]

    def _show_files(self, link, files, status=200):
        answer = link.answer_id
        return self._render(
            "gdpr_consent.download_page",
            {
                "form": link._get_form(),
                "number": answer.name,
                "files": files,
                "expires_on": link.expires_on,
                "left": link._get_company().gdpr_download_limit - link.use_count,
                **self._get_clock(link._get_company()),
            },
            status=status,
        )

    def _give(self, file):
        stream = request.env["ir.binary"].sudo()._get_stream_from(file)
        response = stream.get_response(as_attachment=True, immutable=False)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response
