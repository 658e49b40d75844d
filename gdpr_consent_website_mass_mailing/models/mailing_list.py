from odoo import api, fields, models


class MailingList(models.Model):
    """Whether the newsletter block of a web site can ask for the purpose of a list."""

    _inherit = "mailing.list"

    gdpr_silent_websites = fields.Char(
        "Web Sites That Can't Ask",
        compute="_compute_gdpr_silent_websites",
        compute_sudo=True,
        help="Their newsletter block takes no address for this list.",
    )

    @api.depends("gdpr_purpose_id")
    def _compute_gdpr_silent_websites(self):
        websites = self.env["website"].search([("company_id", "!=", False)])
        for mailing_list in self:
            silent = websites.filtered(mailing_list._gdpr_is_silent_on)
            mailing_list.gdpr_silent_websites = ", ".join(silent.mapped("name"))

    def _gdpr_get_governed_purpose(self):
        """Give the purpose of the list; empty where the add-on doesn't govern it."""
        is_covered = "mailing.contact" in self.env["gdpr.scope"]._get_covered_models()
        return self.gdpr_purpose_id if is_covered else self.gdpr_purpose_id.browse()

    def _gdpr_is_silent_on(self, website, channel="email"):
        """Tell whether the list is for a purpose that no published form of a web site asks for."""
        self.ensure_one()
        return bool(self._gdpr_get_governed_purpose()) and not self._gdpr_find_version(website, channel)

    def _gdpr_find_version(self, website, channel="email"):
        """Give the wording of a web site that asks for the purpose and a channel (code); None where there is none."""
        purpose = self._gdpr_get_governed_purpose()
        form = self.env["gdpr.consent.form"]._get_for_website(website)
        version = form._get_version(self.env.lang) if form else None
        for asked in version._get_content()["purposes"] if version else ():
            if asked["id"] == purpose.id and channel in {offered["code"] for offered in asked["channels"]}:
                return version
        return None
