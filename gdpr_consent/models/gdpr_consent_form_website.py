from odoo import api, models


class GdprConsentForm(models.Model):
    """Which forms the web sites show in forms of their own."""

    _inherit = "gdpr.consent.form"

    @api.model
    def _get_for_website(self, website):
        """Give the published form that a web site's own forms carry; empty when there is none.

        One made for the web site comes before those for all of the company, one for collecting on web sites before
        the others.
        """
        return self._find_published_for(website).sorted(
            lambda form: (form.website_id != website, form.collected_through != "website")
        )[:1]

    @api.model
    def _find_shown_on(self, website, version_id):
        """Give the wording that a page of a web site says it showed (text); empty when it can't have."""
        versions = self.sudo().env["gdpr.consent.form.version"]
        shown = (
            versions.browse(int(version_id)).exists() if version_id.isdecimal() and len(version_id) < 10 else versions
        )
        # A page may have been open while another form was published, or this one was archived.
        forms = self.with_context(active_test=False)._find_published_for(website)
        return shown if shown.form_id in forms and not shown.is_reconstructed else versions.browse()

    @api.model
    def _find_published_for(self, website):
        return self.sudo().search(
            [
                ("company_id", "=", website.sudo().company_id.id),
                ("website_id", "in", [website.id, False]),
                ("version_number", ">", 0),
            ]
        )
