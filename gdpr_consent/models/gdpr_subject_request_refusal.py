from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext

# Grounds of articles 11 to 23; what is refused, and how it is said to the person.
GROUNDS = [
    ("no_right", "The right doesn't apply to this processing"),
    ("not_met", "The conditions of the law aren't met"),
    ("unidentified", "The person can't be identified (articles 11(2) and 12(2))"),
    ("rights_of_others", "It would harm the rights of others (articles 15(4) and 20(4))"),
    ("accurate", "The data is right as it is (article 16)"),
    ("legal_obligation", "The law makes us keep the data (article 17(3)(b))"),
    ("expression", "Freedom of expression and information (article 17(3)(a))"),
    ("public_interest", "Public interest, archives or research (article 17(3)(b) to (d))"),
    ("legal_claims", "Legal claims (articles 17(3)(e), 18(2) and 21(1))"),
    ("compelling", "Compelling legitimate grounds, weighed in this case (article 21(1))"),
    ("national_law", "A limit set by national law (article 23)"),
    ("unfounded", "Manifestly unfounded (article 12(5))"),
    ("excessive", "Manifestly excessive, as by repetition (article 12(5))"),
]
GENERAL = {"unidentified", "national_law", "unfounded", "excessive"}
GROUNDS_BY_TYPE = {
    "access": GENERAL | {"rights_of_others"},
    "rectification": GENERAL | {"accurate"},
    "portability": GENERAL | {"no_right", "rights_of_others"},
    "restriction": GENERAL | {"not_met", "legal_claims"},
    "objection": GENERAL | {"no_right", "compelling", "legal_claims"},
    "erasure": GENERAL | {"not_met", "no_right", "legal_obligation", "expression", "public_interest", "legal_claims"},
}
# For these the burden of proof is the company's (law.md R-45).
TO_BE_PROVEN = ("unfounded", "excessive")


class GdprSubjectRequest(models.Model):
    """Nothing is done, and the person is told why, and what can be done about it (article 12(4), law.md R-44)."""

    _inherit = "gdpr.subject.request"

    refusal_ground = fields.Selection(
        GROUNDS,
        readonly=True,
        copy=False,
        tracking=True,
        help="The ground in the law. The person reads it, and who can be complained to.",
    )
    refusal_explanation = fields.Text(
        "Why It Is Refused",
        readonly=True,
        copy=False,
        help="In words the person understands. It goes out with the refusal.",
    )
    refusal_evidence = fields.Text(
        "Proof",
        readonly=True,
        copy=False,
        help="What proves the ground, for the supervisory authority: the burden of proof is yours (article 12(5)).",
    )
    refusal_proposed_by_id = fields.Many2one(
        "res.users",
        string="Proposed By",
        readonly=True,
        copy=False,
        help="Who proposed to refuse; somebody else has to agree where the settings say so.",
    )
    refusal_ground_in_words = fields.Char(compute="_compute_refusal_ground_in_words")

    @api.depends("refusal_ground")
    @api.depends_context("lang")
    def _compute_refusal_ground_in_words(self):
        words = dict(self._fields["refusal_ground"]._description_selection(self.env))
        for request in self:
            request.refusal_ground_in_words = words.get(request.refusal_ground)

    def action_refuse(self):
        """Open the form by which a request is refused."""
        self.ensure_one()
        self._check_is_open()
        if not self.type:
            raise UserError(self.env._("Say first what %(number)s asks for.", number=self.name))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Refuse"),
            "res_model": "gdpr.subject.request.refusal",
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def action_confirm_refusal(self):
        """Refuse what another officer has proposed to refuse.

        :raise UserError: nothing was proposed, or by the same user
        """
        for request in self:
            request._check_is_open()
            if not request.refusal_proposed_by_id:
                raise UserError(self.env._("Nobody has proposed to refuse %(number)s.", number=request.name))
            if request.refusal_proposed_by_id == self.env.user:
                raise UserError(
                    self.env._(
                        "You proposed to refuse %(number)s yourself: another officer has to agree.",
                        number=request.name,
                    )
                )
            request._log_step("approved")
            request._refuse()
        return True

    def action_drop_refusal(self):
        """Go on with a request that another officer has proposed to refuse."""
        self.check_access("write")
        proposed = self.filtered("refusal_proposed_by_id")
        for request in proposed:
            request._check_is_open()
        proposed._log_step("refusal_dropped")
        proposed.sudo().write(
            {
                "refusal_ground": False,
                "refusal_explanation": False,
                "refusal_evidence": False,
                "refusal_proposed_by_id": False,
            }
        )
        return True

    def _propose_refusal(self, ground, explanation, evidence=None):
        """Refuse a request, or propose it where a second officer must agree.

        :param str ground: a key of ``refusal_ground``, one of its type's
        :param str explanation: why, in words the person reads
        :param str evidence: what proves that the request is unfounded or excessive (law.md R-45)
        :raise UserError: something of that is missing, or nobody else can agree
        """
        self.ensure_one()
        self._check_is_open()
        if ground not in GROUNDS_BY_TYPE.get(self.type, ()):
            raise UserError(self.env._("This ground doesn't go with what is asked."))
        if not html2plaintext(explanation or "").strip():
            raise UserError(self.env._("Say why in words the person understands."))
        self.check_access("write")
        values = {"refusal_ground": ground, "refusal_explanation": explanation.strip()}
        if ground not in TO_BE_PROVEN:
            self.sudo().write(values)
            return self._refuse()
        if not (evidence or "").strip():
            raise UserError(
                self.env._(
                    "Say what proves it. It is for you to show that a request is manifestly unfounded or excessive"
                    " (article 12(5) GDPR)."
                )
            )
        others = self._get_officers(self.company_id) - self.env.user
        if not others:
            raise UserError(self.env._("A second privacy officer has to agree, and there is none."))
        self.sudo().write({**values, "refusal_evidence": evidence.strip(), "refusal_proposed_by_id": self.env.uid})
        self._log_step("refusal_proposed", self.refusal_ground_in_words)
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Agree to the refusal, or not"),
            user_id=others[0].id,
        )
        return None

    def _refuse(self):
        """Close the request and tell the person why, with the remedies."""
        self.ensure_one()
        self._close("refused", "refused", self.refusal_ground_in_words)
        self._write_to_person("gdpr_consent.mail_template_subject_request_refused")
