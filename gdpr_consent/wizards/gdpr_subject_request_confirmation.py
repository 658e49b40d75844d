from odoo import api, fields, models

from ..models.gdpr_subject_request import REQUEST_TYPES


class GdprSubjectRequestConfirmation(models.TransientModel):
    """Ask once more before many people get a request that erases them in the end, or that takes effect at once."""

    _name = "gdpr.subject.request.confirmation"
    _inherit = ["gdpr.card.wizard"]
    _description = "Confirm the Requests of Many"

    request_type = fields.Selection(
        REQUEST_TYPES,
        string="What Is Asked",
        required=True,
        readonly=True,
        help="A request of this kind is made for each person below who has none open.",
    )
    person_count = fields.Integer("Persons", compute="_compute_people", help="Persons behind the records you chose.")
    open_count = fields.Integer(
        "Have an Open Request", compute="_compute_people", help="Of this kind: they get no other one."
    )
    new_count = fields.Integer(
        "Get a Request",
        compute="_compute_people",
        help="Persons who get a request; the others have one of this kind open already.",
    )

    @api.depends("res_model", "res_ids", "request_type")
    def _compute_people(self):
        requests = self.env["gdpr.subject.request"].sudo()
        for wizard in self:
            people = wizard._get_cards()._gdpr_describe_people()
            known = requests.subject_id.browse(person.id for person in people if person._name == "gdpr.subject")
            found = requests._find_open(known, [wizard.request_type])
            wizard.person_count = len(people)
            wizard.open_count = len(found.subject_id.root_id)
            wizard.new_count = wizard.person_count - wizard.open_count

    def action_confirm(self):
        """Make the requests, close and say how many were made."""
        self.ensure_one()
        return self._get_cards()._gdpr_ask_for_many(self.request_type)
