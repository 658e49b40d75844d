from ast import literal_eval

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.fields import Domain

SWITCH_PARAMETER = "gdpr_consent.enabled"


class GdprScope(models.Model):
    """A kind of record that the add-on covers, with its switch in the settings."""

    _name = "gdpr.scope"
    _description = "Covered Kind of Records"
    _order = "sequence, id"

    name = fields.Char(
        required=True,
        translate=True,
        help="What people call these records.",
    )
    model = fields.Char(required=True, help="Technical name of a model with the data privacy fields.")
    domain = fields.Char(
        required=True,
        default="[]",
        help="Which records of the model. A condition on a field that isn't installed is never met.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        default=True,
        help="Off: the tab, the columns and the badges don't show on these records.",
    )

    @api.constrains("model", "domain")
    def _check_model_and_domain(self):
        for scope in self:
            if scope.model not in self.env["gdpr.subject.mixin"]._get_card_models():
                raise ValidationError(self.env._("%(model)s has no data privacy fields.", model=scope.model))
            try:
                Domain(literal_eval(scope.domain))
            except (ValueError, SyntaxError, TypeError) as error:
                raise ValidationError(self.env._("“%(domain)s” is not a valid filter.", domain=scope.domain)) from error

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _is_enabled(self):
        """Tell whether the master switch of the settings is on."""
        return self.env["ir.config_parameter"].sudo().get_param(SWITCH_PARAMETER) != "False"

    @tools.ormcache()
    def _get_covered_models(self):
        """Give the names of the models of which some records are covered now."""
        if not self._is_enabled():
            return frozenset()
        scopes = self.sudo().search([("model", "in", list(self.env["gdpr.subject.mixin"]._get_card_models()))])
        return frozenset(scope.model for scope in scopes if scope._get_domain() is not None)

    def _get_domain(self):
        """Give the domain of the scope, or None where it names a field that isn't installed."""
        self.ensure_one()
        domain = Domain(literal_eval(self.domain))
        fields_of_model = self.env[self.model]._fields if self.model in self.env else {}
        for condition in domain.iter_conditions():
            if condition.field_expr.split(".")[0] not in fields_of_model:
                return None
        return domain

    @api.model
    def _filter_covered(self, records):
        """Give those of the records that are covered.

        A record that fits a scope with a filter is in that scope's hands, be it on or off; the scope of the
        model without a filter has the others.
        """
        if records._name not in self._get_covered_models():
            return records.browse()
        return records & records.sudo().filtered_domain(self._get_covered_domain(records._name))

    @api.model
    def _get_covered_domain(self, model):
        """Give the domain of the records of a model that are covered (see ``_filter_covered``)."""
        return Domain.OR(domain for _scope_id, is_on, domain in self._get_scope_domains(model) if is_on)

    @api.model
    @tools.ormcache("model")
    def _get_scope_domains(self, model):
        """Give the id of each scope of a model, whether it is on, and the domain of the records in its hands."""
        found = []
        if model not in self._get_covered_models():
            return ()
        scopes = self.sudo().with_context(active_test=False).search([("model", "=", model)])
        taken = Domain.FALSE
        for scope in scopes.sorted(lambda scope: scope._get_domain() == Domain.TRUE):
            domain = scope._get_domain()
            if domain is not None:
                found.append((scope.id, scope.active, domain & ~taken))
                taken |= domain
        return tuple(found)

    @api.model
    def _split_by_scope(self, records):
        """Give pairs of a scope, on or off, and those of the records that are in its hands."""
        return [
            (self.sudo().browse(scope_id), records & records.sudo().filtered_domain(domain))
            for scope_id, _is_on, domain in self._get_scope_domains(records._name)
        ]
