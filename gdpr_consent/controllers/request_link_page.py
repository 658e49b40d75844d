from odoo.http import request

from .privacy_page import PrivacyPage


class RequestLinkPage(PrivacyPage):
    """The pages behind a link that belongs to a data-subject request: whoever comes too late can ask again."""

    _unusable_template = "gdpr_consent.request_link_unusable"

    def _unusable(self):
        """Say what may have happened, and how to go on all the same: the same words whatever the link was."""
        self._speak(request.best_lang)
        values = {"controller": self._get_controller(request.website.company_id.sudo())}
        return self._render(self._unusable_template, values, status=404)

    def _get_controller(self, company):
        """Give whom to ask where no published form says it."""
        return {
            "name": company.name,
            "address": "",
            "officer": company.gdpr_officer_name,
            "email": company.gdpr_officer_email or company.email,
        }
