import logging

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError

from ..tools.server_context import RequestOptions
from .gdpr_consent_event import SOURCES
from .gdpr_purpose import LEGAL_BASES
from .gdpr_subject_request import REQUEST_TYPES

_logger = logging.getLogger(__name__)

STATES = ("gdpr_ask", "gdpr_set_basis", "gdpr_withdraw", "gdpr_request")
# What is asked of these can't be taken back, or takes effect at once.
CONFIRMED_TYPES = ("erasure", "restriction", "objection")
# Who gave consent isn't asked again by an action; who is waited for is reminded by the settings.
NOT_ASKED_STATES = ("obtained", "waiting")


class IrActionsServer(models.Model):
    """What automation rules and menus can do about data privacy, on every model of cards.

    Run by a rule, these never stop what the user is doing: whoever they aren't possible for is left out, and that is
    logged. Run by a user from the menu, they need that user's rights.
    """

    _inherit = "ir.actions.server"

    state = fields.Selection(
        selection_add=[
            ("gdpr_ask", "Ask for Consent"),
            ("gdpr_set_basis", "Set Legal Basis"),
            ("gdpr_withdraw", "Withdraw Consent"),
            ("gdpr_request", "Make Data-Subject Request"),
            ("code",),
        ],
        ondelete=dict.fromkeys(STATES, "cascade"),
    )
    gdpr_form_id = fields.Many2one(
        "gdpr.consent.form",
        string="Consent Form",
        domain="[('version_number', '>', 0)]",
        ondelete="restrict",
        help="Empty: the default form of each record's company. A form is used for the records of its company alone.",
    )
    gdpr_template_id = fields.Many2one(
        "mail.template",
        string="Consent E-mail",
        domain="[('model_id', '=', model_id)]",
        ondelete="restrict",
        help="Empty: the template for these records. It must have the consent link in its text.",
    )
    gdpr_legal_basis = fields.Selection([("not_applicable", "Not applicable"), *LEGAL_BASES], string="New Legal Basis")
    gdpr_legal_basis_reason = fields.Text(
        "Reason for the Basis",
        help="Kept with each person's history. Legitimate interests: how you weighed yours against the person's.",
    )
    gdpr_purpose_ids = fields.Many2many(
        "gdpr.purpose",
        "gdpr_action_purpose_rel",
        string="Purposes Withdrawn",
        help="Empty: all that the person agreed to.",
    )
    gdpr_request_type = fields.Selection(
        REQUEST_TYPES,
        string="What Is Asked",
        help="Each person gets a request of this kind, as if the person had asked; who has an open one doesn't get"
        " another one. Access, rectification, export and erasure wait for a privacy officer. Stopping takes effect at"
        " once.",
    )
    gdpr_source = fields.Selection(
        SOURCES,
        string="Source of the Withdrawal",
        help="How the persons took consent back. Empty: nobody said so, and none is put on record.",
    )
    gdpr_unsaid_kind = fields.Boolean("Kind of Message Is Unsaid", compute="_compute_gdpr_unsaid_kind")

    @api.depends("state", "model_id", "template_id.gdpr_message_class", "mail_post_method")
    def _compute_gdpr_unsaid_kind(self):
        """Tell where an action writes to people with a template that doesn't say whether it is marketing."""
        covered = self.env["gdpr.scope"]._get_covered_models()
        for action in self:
            template = action._get_gdpr_message_template()
            action.gdpr_unsaid_kind = (
                template and not template.sudo().gdpr_message_class and action.model_id.model in covered
            )

    def _get_gdpr_message_template(self):
        """Give the template of the messages that the action sends, of e-mails here."""
        return self.template_id if self.state == "mail_post" and self.mail_post_method != "note" else None

    @api.constrains(
        "state", "model_id", "gdpr_legal_basis", "gdpr_legal_basis_reason", "gdpr_template_id", "gdpr_request_type"
    )
    def _check_gdpr_action(self):
        cards = self.env["gdpr.subject.mixin"]._get_card_models()
        for action in self.filtered(lambda action: action.state in STATES):
            if action.model_id.model not in cards:
                raise ValidationError(self.env._("%(model)s has no data privacy fields.", model=action.model_id.name))
            if action.state == "gdpr_set_basis":
                action._check_gdpr_basis()
            if action.state == "gdpr_request" and not action.gdpr_request_type:
                raise ValidationError(self.env._("Choose what the persons ask."))
            template = action.gdpr_template_id
            if action.state == "gdpr_ask" and template:
                if template.model_id != action.model_id:
                    raise ValidationError(
                        self.env._("The template “%(template)s” is made for other records.", template=template.name)
                    )
                if not template.sudo()._asks_for_consent():
                    raise ValidationError(
                        self.env._(
                            "The template “%(template)s” has no consent link in its text.", template=template.name
                        )
                    )

    def _check_gdpr_basis(self):
        self.ensure_one()
        if not self.gdpr_legal_basis:
            raise ValidationError(self.env._("Choose the legal basis that the action sets."))
        if self.gdpr_legal_basis == "legitimate_interests" and not (self.gdpr_legal_basis_reason or "").strip():
            raise ValidationError(
                self.env._(
                    "Legitimate interests need a reason: say how you weighed your interests against the"
                    " person's (article 6(1)(f) GDPR)."
                )
            )

    def _name_depends(self):
        return [*super()._name_depends(), "gdpr_legal_basis", "gdpr_request_type"]

    def _generate_action_name(self):
        self.ensure_one()
        if self.state == "gdpr_set_basis" and self.gdpr_legal_basis:
            bases = dict(self._fields["gdpr_legal_basis"]._description_selection(self.env))
            return self.env._("Set Legal Basis: %(basis)s", basis=bases[self.gdpr_legal_basis])
        if self.state == "gdpr_request" and self.gdpr_request_type:
            types = dict(self._fields["gdpr_request_type"]._description_selection(self.env))
            return self.env._("Data-Subject Request: %(type)s", type=types[self.gdpr_request_type])
        return super()._generate_action_name()

    @api.depends("state")
    def _compute_available_model_ids(self):
        super()._compute_available_model_ids()
        covered = self.env["gdpr.scope"]._get_covered_models()
        for action in self.filtered(lambda action: action.state in STATES):
            action.available_model_ids = action.available_model_ids.filtered(lambda model: model.model in covered)

    @api.depends("model_id")
    def _compute_allowed_states(self):
        """Offer these for records that are covered, and nowhere else."""
        super()._compute_allowed_states()
        covered = self.env["gdpr.scope"]._get_covered_models()
        for action in self:
            if action.model_id.model not in covered:
                action.allowed_states = [
                    state for state in action.allowed_states if state not in STATES or state == action.state
                ]

    # ------------------------------------------------------------
    # RUNNING
    # ------------------------------------------------------------

    def _run_action_gdpr_ask_multi(self, eval_context=None):
        cards = self._get_gdpr_cards(eval_context)
        if cards.env.su:
            self._run_gdpr_safely(cards, self._ask_gdpr)
            return None
        cards._gdpr_check_group("gdpr_consent.group_user")
        asked = self._ask_gdpr(cards)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if asked else "warning",
                "message": self.env._(
                    "Asked: %(asked)s. Left out, for they can't be asked or were asked already: %(left_out)s.",
                    asked=len(asked),
                    left_out=len(cards - asked),
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _run_action_gdpr_set_basis_multi(self, eval_context=None):
        cards = self._get_gdpr_cards(eval_context)
        basis, reason = self.gdpr_legal_basis, self.gdpr_legal_basis_reason
        if cards.env.su:
            self._run_gdpr_safely(cards, lambda cards: cards._gdpr_apply_basis(basis, reason, actor="system"))
        else:
            cards.gdpr_set_legal_basis(basis, reason)

    def _run_action_gdpr_withdraw_multi(self, eval_context=None):
        cards = self._get_gdpr_cards(eval_context)
        if cards.env.su:
            self._run_gdpr_safely(cards, self._withdraw_gdpr)
        else:
            cards._gdpr_check_group("gdpr_consent.group_user")
            self._withdraw_gdpr(cards)

    def _run_action_gdpr_request_multi(self, eval_context=None):
        cards = self._get_gdpr_cards(eval_context)
        if cards.env.su:
            # By the system, whoever caused it.
            cards = cards.with_user(SUPERUSER_ID)
            self._run_gdpr_safely(
                cards, lambda cards: cards._gdpr_receive_requests(self.gdpr_request_type, source="automation")
            )
            return None
        if self.gdpr_request_type in CONFIRMED_TYPES:
            return cards._gdpr_confirm_for_many(self.gdpr_request_type)
        return cards._gdpr_ask_for_many(self.gdpr_request_type)

    def _get_gdpr_cards(self, eval_context):
        """Give the records the action runs on, as far as they are covered.

        By the system where a rule runs it, by the user who runs it from the menu.
        """
        records = eval_context.get("records") or eval_context.get("record") or self.env[self.model_name]
        return self.env["gdpr.scope"]._filter_covered(records)

    def _run_gdpr_safely(self, cards, act):
        """Do it for all together; where that fails, one by one, and log those it fails for."""
        if not cards:
            return
        try:
            with self.env.cr.savepoint():
                act(cards)
        except OperationalError:
            # Another transaction was in the way: Odoo tries the whole again.
            raise
        except Exception:
            if len(cards) > 1:
                for card in cards:
                    self._run_gdpr_safely(card, act)
            else:
                _logger.exception("The action “%s” isn't possible for %s.", self.name, cards)

    def _ask_gdpr(self, cards):
        """Ask those who can be asked and weren't asked already; give them."""
        form, template = self.gdpr_form_id, self.gdpr_template_id
        asked = cards.filtered(lambda card: card.sudo().gdpr_consent_state not in NOT_ASKED_STATES)
        if form:
            asked = asked.filtered(lambda card: form.active and card._gdpr_get_company() == form.company_id)
        askable = asked.with_context(gdpr_request_options=RequestOptions({"form_id": form.id}))._gdpr_filter_askable()
        chosen = askable._gdpr_filter_not_asked_lately()._gdpr_choose_one_each()
        if cards - chosen:
            _logger.info("The action “%s” doesn't ask %s: not askable, or asked already.", self.name, cards - chosen)
        if cards.env.su:
            chosen._gdpr_request_automatically(dict.fromkeys(chosen, self.env.user), form, template)
        elif chosen:
            chosen.gdpr_request_consent(form.id, template.id)
        return chosen

    def _withdraw_gdpr(self, cards):
        # Who has no history has nothing to take back.
        people = cards.sudo().gdpr_subject_id.root_id
        people._record_withdrawal(
            self.gdpr_purpose_ids or None,
            source=self.gdpr_source or None,
            actor="system" if cards.env.su else "operator",
            values={"reason": self.name},
        )
