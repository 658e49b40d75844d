from odoo import models

from ..tools import ledger

# What is written for people, and in their language.
FORM_TEXTS = (
    "title",
    "introduction",
    "privacy_text",
    "notice_url",
    "accept_label",
    "save_label",
    "refuse_label",
    "thanks",
)
PURPOSE_TEXTS = (
    "name",
    "description",
    "retention_reason",
    "recipient_categories",
    "automated_decisions",
    "transfers",
    "transfer_safeguards",
)


class GdprConsentForm(models.Model):
    """All that a person reads on a form, as it is frozen."""

    _inherit = "gdpr.consent.form"

    def _get_frozen_text(self, lang):
        """Give all that a person reads on the form, and where, as canonical JSON."""
        self.ensure_one()
        form = self.with_context(lang=lang)
        return ledger.canonical(
            {
                "title": form.title,
                "introduction": form.introduction or "",
                "purposes": [form._get_purpose_content(purpose) for purpose in form.purpose_ids],
                "privacy_text": form.privacy_text or "",
                "notice_url": form.notice_url or "",
                "withdrawal": form.env._(
                    "You can change your mind at any time, as easily as you answer now. What was done"
                    " before you take your consent back stays lawful. Refusing has no disadvantage for you."
                ),
                "texts": {
                    "agree": form.env._("I agree:"),
                    "contact": form.env._("How may we contact you?"),
                    "buttons": form.env._(
                        "“%(accept)s” without a tick agrees to everything above; with ticks, to what you ticked."
                        " “%(save)s” agrees to what you ticked. “%(refuse)s” agrees to nothing.",
                        accept=form.accept_label,
                        save=form.save_label,
                        refuse=form.refuse_label,
                    ),
                    # There the person's present choices are ticked already.
                    "portal_buttons": form.env._(
                        "“%(accept)s” agrees to everything above, whatever is ticked. “%(save)s” agrees to what is"
                        " ticked, and takes back the rest. “%(refuse)s” agrees to nothing.",
                        accept=form.accept_label,
                        save=form.save_label,
                        refuse=form.refuse_label,
                    ),
                },
                "labels": {
                    "accept": form.accept_label,
                    "save": form.save_label,
                    "refuse": form.refuse_label,
                },
                "thanks": form.thanks or "",
                "collected_through": form.collected_through,
                "controller": {
                    "name": form.company_id.sudo().name,
                    "address": form._describe_address(),
                    "email": form._get_contact_email(),
                    "officer": form.company_id.sudo().gdpr_officer_name or "",
                },
            }
        ).decode()

    def _get_purpose_content(self, purpose):
        return {
            "id": purpose.id,
            "code": purpose.code,
            "name": purpose.name,
            "description": purpose.description or "",
            "statements": purpose._get_statements(),
            "validity": self.env._(
                "Valid for %(months)s months, or until you take it back.", months=purpose.validity_months
            )
            if purpose.validity_months
            else self.env._("Valid until you take it back."),
            "channels": [
                {"code": channel.code, "name": channel.name} for channel in self._get_offered_channels(purpose)
            ],
        }

    def _get_offered_channels(self, purpose):
        """Give the ways of contact a person can choose among for a purpose on this form."""
        return purpose.channel_ids & self.channel_ids if self.channel_ids else purpose.channel_ids

    def _describe_address(self):
        controller = self.company_id.sudo()
        town = " ".join(filter(None, [controller.zip, controller.city]))
        # A country alone is no address.
        if not controller.street and not town:
            return ""
        return ", ".join(filter(None, [controller.street, town, controller.country_id.name]))

    def _get_contact_email(self):
        controller = self.company_id.sudo()
        return controller.gdpr_officer_email or controller.email or ""

    def _get_untranslated(self, lang):
        """Give the labels of the texts that have no wording of their own in a language: the source is shown."""
        self.ensure_one()
        texts = [(self, name, "") for name in FORM_TEXTS]
        texts += [(purpose, name, f"{purpose.name}: ") for purpose in self.purpose_ids for name in PURPOSE_TEXTS]
        labels = []
        for record, name, prefix in texts:
            field = record._fields[name]
            if record[name] and lang not in (field._get_stored_translations(record) or {}):
                labels.append(prefix + field._description_string(self.env))
        return labels
