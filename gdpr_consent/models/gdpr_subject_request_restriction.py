from odoo import api, fields, models

# The types that take effect when they arrive, not when an officer gets to them (articles 18 and 21, law.md R-65).
SUSPENDING_TYPES = ("restriction", "objection")
# Processing that article 21(1) gives no right to object to. Marketing stops all the same.
BASES_WITHOUT_OBJECTION = ("contract", "legal_obligation", "vital_interests")


class GdprSubjectRequest(models.Model):
    """Requests to stop the processing, and objections: they count at once."""

    _inherit = "gdpr.subject.request"

    is_suspending = fields.Boolean(
        "Suspends the Processing",
        readonly=True,
        copy=False,
        help="The processing is suspended because of this request, until that is lifted.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Let what the person wants stopped stop at once."""
        requests = super().create(vals_list)
        requests._take_effect()
        return requests

    def write(self, vals):
        """Let a request that turns out to be about stopping take effect."""
        result = super().write(vals)
        if "type" in vals:
            self._take_effect()
        return result

    def _take_effect(self):
        """Suspend the processing, and stop marketing, for those of these requests that want it stopped.

        An objection suspends until it is decided (article 18(1)(d)), unless the legal basis is one that nobody can
        object to; to marketing one can object on whatever basis.
        """
        stopping = self.filtered(lambda request: request.type in SUSPENDING_TYPES and request._is_effective())
        objections = stopping.filtered(lambda request: request.type == "objection")
        for _way, alike in objections.grouped(lambda request: (request.source, request.company_id)).items():
            alike.subject_id._record_objection(**alike[0]._prepare_act())
        suspending = stopping.filtered(
            lambda request: (
                not request.is_suspending
                and (
                    request.type == "restriction"
                    or request.sudo().subject_id.root_id.legal_basis not in BASES_WITHOUT_OBJECTION
                )
            )
        )
        if not suspending:
            return
        people = self.env["gdpr.subject"].sudo()
        people._record_restrictions(
            {
                request.subject_id: {**request._prepare_act(), "values": {"request": request.name}}
                for request in suspending
            }
        )
        suspending.is_suspending = True
        suspending._log_step("restricted")

    def _is_effective(self):
        """Tell whether the request came from the person, or from staff who heard the person."""
        self.ensure_one()
        return self.state not in ("cancelled", "refused")

    def _prepare_act(self):
        """Give how the person acted, for the ledger."""
        self.ensure_one()
        is_operator = self.source == "operator"
        sources = dict(self.env["gdpr.consent.event"]._fields["source"].selection)
        return {
            "actor": "operator" if is_operator else "person",
            "source": self.source if not is_operator and self.source in sources else None,
            "company_id": self.company_id.id,
        }
