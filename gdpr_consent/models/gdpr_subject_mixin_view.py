from lxml import etree

from odoo import api, fields, models


class GdprSubjectMixin(models.AbstractModel):
    """The fields and the tab of the add-on on the screens of cards, and nothing of them where a model isn't covered."""

    _inherit = "gdpr.subject.mixin"

    gdpr_covered = fields.Boolean(
        "Data Privacy Applies", compute="_compute_gdpr_covered", groups="gdpr_consent.group_user"
    )

    @api.depends_context("uid")
    def _compute_gdpr_covered(self):
        covered = self.env["gdpr.scope"]._filter_covered(self)
        for card in self:
            card.gdpr_covered = card in covered

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Leave the add-on's fields out of filters, exports and imports of a model that isn't covered."""
        fields_by_name = super().fields_get(allfields, attributes)
        if self._name in self.env["gdpr.scope"]._get_covered_models():
            return fields_by_name
        return {name: field for name, field in fields_by_name.items() if not name.startswith("gdpr_")}

    @api.model
    def _get_view_fields(self, view_type, models):
        """Leave out of a search view, which describes all fields, those of the add-on that nobody can search."""
        models = super()._get_view_fields(view_type, models)
        if view_type == "search":
            models[self._name] = [
                name
                for name in models[self._name]
                if not name.startswith("gdpr_") or self._fields[name]._description_searchable
            ]
        return models

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        covered = self._name in self.env["gdpr.scope"]._get_covered_models()
        return (*super()._get_view_cache_key(view_id, view_type, **options), covered)

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Fill the tab of a card, and leave nothing of the add-on in the views of a model that isn't covered."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for page in arch.xpath("//page[@name='gdpr_privacy'][not(*)]"):
            tab = self.env.ref("gdpr_consent.gdpr_subject_mixin_view_form").sudo().arch
            page.extend(etree.fromstring(tab).find(".//page"))
        if self._name not in self.env["gdpr.scope"]._get_covered_models():
            for node in arch.xpath("//*[starts-with(@name, 'gdpr_')]"):
                node.getparent().remove(node)
            for panel in arch.xpath("//searchpanel[not(field)]"):
                panel.getparent().remove(panel)
        return arch, view
