from markupsafe import Markup

from odoo import models
from odoo.exceptions import UserError

from .gdpr_consent_request_message import RENDERED_FIELDS
from .mail_mail import CONSENT_PLACEHOLDER, PREFERENCES_PLACEHOLDER, put_links


class GdprConsentCampaign(models.Model):
    """Seeing the message before others do."""

    _inherit = "gdpr.consent.campaign"

    def action_send_test(self):
        """Mail the message to the user, as the first person would get it.

        Its links lead to a preview of what people see, and record nothing; there is no request, and nothing in the
        ledger.

        :raise UserError: the user has no address, nobody is chosen, or something is missing
        """
        self.ensure_one()
        self.check_access("read")
        self._check_startable()
        user = self.env.user
        if not user.email:
            raise UserError(self.env._("You have no e-mail address to send the test to. Add one to your profile."))
        card = self._find_sample()
        if not card:
            raise UserError(self.env._("Nobody is chosen yet."))
        mail = self.env["mail.mail"].sudo().create(self._prepare_sample(card) | {"email_to": user.email_formatted})
        mail.send_after_commit()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "The message to %(name)s was sent to you, to %(email)s.",
                    name=card._gdpr_get_name(),
                    email=user.email,
                ),
            },
        }

    def _find_sample(self):
        """Give the first record that will be asked, else the first chosen."""
        batch = self._find_batch(0)
        chosen, _excluded = self._sort_out(batch) if batch else ([], {})
        return batch.browse(chosen[0].card_id) if chosen else batch[:1]

    def _prepare_sample(self, card):
        template = self._get_template()
        values = template._generate_template(card.ids, RENDERED_FIELDS)[card.id]
        values.pop("email_layout_xmlid")
        body = str(values["body_html"])
        form = self._get_form()
        preview_url = f"{form.get_base_url()}/gdpr/preview/version/{form._get_version(card.sudo()._gdpr_get_lang()).id}"
        body = put_links(body, dict.fromkeys((CONSENT_PLACEHOLDER, PREFERENCES_PLACEHOLDER), preview_url))
        notice = self.env._("This is a test. Its links are no personal links: they show a preview to who is logged in.")
        return {
            **{name: value for name, value in values.items() if value},
            "subject": self.env._("[Test] %(subject)s", subject=values["subject"]),
            "body_html": Markup("<p><strong>%s</strong></p>") % notice + Markup(body),
            "auto_delete": True,
        }
