from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.gdpr_consent.models.gdpr_blacklist_mixin import BLACKLISTS
from odoo.addons.gdpr_consent.tools.server_context import SERVER, is_set

# In the context (a mark of the server): the mailing itself is being sent, as it was released.
SENDING_RELEASED = "gdpr_sending_released"
# Released to be sent, or sent: by who may send it, or by the system afterwards.
RELEASED_STATES = ("in_queue", "sending", "done")
# All that whoever may not send it can change of a service message that was released: when it goes, not what goes where.
HARMLESS = frozenset(
    {
        "active",
        "calendar_date",
        "favorite",
        "favorite_date",
        "gdpr_message_class",
        "gdpr_purpose_id",
        "kpi_mail_required",
        "next_departure",
        "schedule_date",
        "schedule_type",
        "sent_date",
        "state",
    }
)


class MailingMailing(models.Model):
    """A mailing names its purpose, or says that it is a service message: who gets it is decided when it is sent."""

    _inherit = "mailing.mailing"

    gdpr_is_gated = fields.Boolean(compute="_compute_gdpr_is_gated")
    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        required=True,
        default="marketing",
        tracking=True,
        help="Marketing goes to those who may get it for the purpose. A service message (about an order, a contract)"
        " goes to all but those whose processing is suspended and, unless you untick that list, those on the exclusion"
        " list: who objects to marketing is on it. Only a privacy officer sends one.",
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        compute="_compute_gdpr_purpose_id",
        store=True,
        readonly=False,
        domain="[('message_class', '=', 'marketing')]",
        ondelete="set null",
        help="What the mailing is for. It goes to those who agreed to this purpose, or whose legal basis it has.",
    )
    gdpr_left_out_count = fields.Integer("Left Out", compute="_compute_gdpr_left_out_count")

    @api.depends("mailing_model_real", "mailing_type")
    def _compute_gdpr_is_gated(self):
        covered = self.env["gdpr.scope"]._get_covered_models()
        for mailing in self:
            mailing.gdpr_is_gated = mailing.mailing_model_real in covered

    @api.depends("contact_list_ids", "mailing_model_id")
    def _compute_gdpr_purpose_id(self):
        shipped = self.env.ref("gdpr_consent.purpose_marketing", raise_if_not_found=False)
        for mailing in self:
            lists = mailing.contact_list_ids if mailing.mailing_on_mailing_list else mailing.contact_list_ids.browse()
            if len(lists.gdpr_purpose_id) == 1:
                mailing.gdpr_purpose_id = lists.gdpr_purpose_id
            else:
                mailing.gdpr_purpose_id = mailing.gdpr_purpose_id or shipped

    def _compute_gdpr_left_out_count(self):
        counts = dict(
            self.env["mailing.trace"]._read_group(
                [("mass_mailing_id", "in", self.ids), ("gdpr_reason", "!=", False)], ["mass_mailing_id"], ["__count"]
            )
        )
        for mailing in self:
            mailing.gdpr_left_out_count = counts.get(mailing, 0)

    @api.constrains("state", "gdpr_message_class", "gdpr_purpose_id", "mailing_model_id", "mailing_type")
    def _check_gdpr_released(self):
        """Let only who may send it bring a mailing to where it is sent, with all that sending it needs.

        :raise ValidationError: so
        """
        if not is_set(self.env, SENDING_RELEASED):
            self.filtered(lambda mailing: mailing.state in RELEASED_STATES)._gdpr_check_release()
        self.filtered(lambda mailing: mailing.state in ("in_queue", "sending"))._gdpr_check_purpose()

    def write(self, vals):
        """Keep what an officer has released as it was released, also once it is sent: a winner is a copy of it."""
        told = {name for name in vals if name not in HARMLESS and not name.startswith(("message_", "activity_"))}
        if not is_set(self.env, SENDING_RELEASED):
            # What waits can be called back by anybody; what was sent can't become a draft, to be rewritten.
            is_reopened = "state" in vals and vals["state"] not in RELEASED_STATES
            kept = RELEASED_STATES if told else ("sending", "done") if is_reopened else ()
            self.filtered(lambda mailing: mailing.state in kept)._gdpr_check_release()
        return super().write(vals)

    def _gdpr_check_release(self):
        """Let only a privacy officer send service messages: they go to people who didn't agree (law.md R-14).

        :raise ValidationError: somebody else does
        """
        if self.env.user.has_group("gdpr_consent.group_officer"):
            return
        for mailing in self:
            if mailing.gdpr_is_gated and mailing.gdpr_message_class == "service":
                raise ValidationError(
                    self.env._(
                        "“%(mailing)s” would go out as a service message, to people who didn't agree to it too. Ask"
                        " your privacy officer to send it, or send it as marketing.",
                        mailing=mailing.display_name,
                    )
                )

    def action_launch(self):
        self._gdpr_check_purpose()
        return super().action_launch()

    def action_schedule(self):
        self._gdpr_check_purpose()
        return super().action_schedule()

    def action_put_in_queue(self):
        self._gdpr_check_purpose()
        return super().action_put_in_queue()

    def _gdpr_check_purpose(self):
        for mailing in self:
            if mailing.gdpr_is_gated and mailing.gdpr_message_class == "marketing" and not mailing.gdpr_purpose_id:
                raise ValidationError(
                    self.env._("“%(mailing)s”: say what the mailing is for first.", mailing=mailing.display_name)
                )

    def _gdpr_as_released(self, res_ids=None):
        """Give these mailings as they leave, and let them leave as what somebody who may has released.

        :param res_ids: recipients who were chosen by whoever sends, if any
        :raise ValidationError: nobody who may has released a service message, to these recipients
        """
        # A draft is sent by another program; what waits was released.
        self.filtered(lambda mailing: res_ids or mailing.state not in RELEASED_STATES)._gdpr_check_release()
        return self.with_context(**{SENDING_RELEASED: SERVER})

    def _gdpr_is_released_service(self):
        """Tell whether this mailing is leaving as the service message that somebody who may has released.

        Not whatever else is sent in its name: a client can make a composer with any text and any recipients.
        """
        return self.gdpr_message_class == "service" and is_set(self.env, SENDING_RELEASED)

    def _gdpr_check_test(self, addresses, code):
        """Refuse to send a test of the mailing to who said no to what it is for, or is suspended; not to colleagues.

        :param set[str] addresses: normalised, or numbers
        :param str code: of the channel
        :raise UserError: so
        """
        self.ensure_one()
        if not self.gdpr_is_gated or not addresses:
            return
        field = self.env[BLACKLISTS[code]]._gdpr_card_field
        colleagues = self.env["res.partner"].sudo()
        colleagues = colleagues.search([("partner_share", "=", False), (field, "in", list(addresses))])
        addresses = addresses - set(colleagues.mapped(field))
        people = self.env["gdpr.subject"].sudo()
        refusing = set(people._filter_restricted_addresses(addresses))
        if self.gdpr_message_class == "marketing":
            channel = self.env.ref(f"gdpr_consent.channel_{code}").sudo()
            refusing |= people._filter_refusing(addresses, self.gdpr_purpose_id.sudo(), channel)
        if refusing:
            raise UserError(
                self.env._(
                    "%(addresses)s: whoever has this address or number said no to such mailings. Send the test to a"
                    " colleague.",
                    addresses=", ".join(sorted(refusing)),
                )
            )

    def action_gdpr_check(self):
        """Open who would get the mailing now and who wouldn't, with the reasons."""
        self.ensure_one()
        check = self.env["gdpr.mailing.check"].create({"mailing_id": self.id})
        check._check()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Who gets it"),
            "res_model": check._name,
            "res_id": check.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_gdpr_view_left_out(self):
        """Open who was left out when the mailing was sent, by reason."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Left out"),
            "res_model": "mailing.trace",
            "view_mode": "list,form",
            "domain": [("mass_mailing_id", "=", self.id), ("gdpr_reason", "!=", False)],
            "context": {"group_by": ["gdpr_reason"], "create": False},
        }

    def _action_send_mail(self, res_ids=None):
        """Let the company of who is responsible count: a mailing that was scheduled is sent in nobody's name."""
        for mailing in self._gdpr_as_released(res_ids):
            company = mailing.user_id.company_id or self.env.company
            super(MailingMailing, mailing.with_company(company))._action_send_mail(res_ids)
        return True
