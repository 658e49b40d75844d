from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .gdpr_subject_request import OPEN_STATES

# The types that take effect when they arrive, not when an officer gets to them (articles 18 and 21, law.md R-65).
SUSPENDING_TYPES = ("restriction", "objection")
# Processing that article 21(1) gives no right to object to. Marketing stops all the same.
BASES_WITHOUT_OBJECTION = ("contract", "legal_obligation", "vital_interests")

# How requests come of which staff say what they ask: only there the kind can be a mistake.
READ_BY_STAFF = ("operator", "automation", "mail")


class GdprSubjectRequest(models.Model):
    """Requests to stop the processing, and objections: they count at once."""

    _inherit = "gdpr.subject.request"

    is_suspending = fields.Boolean(
        "Suspends the Processing",
        readonly=True,
        copy=False,
        help="The processing is suspended because of this request, until that is lifted.",
    )

    suspension_lifted_on = fields.Datetime(readonly=True, copy=False)
    objection_outcome = fields.Selection(
        [
            ("upheld", "Upheld: the data isn't used any more"),
            ("compelling_grounds", "Compelling legitimate grounds"),
            ("marketing_only", "Marketing ends: to the rest nobody can object"),
        ],
        string="Decision",
        copy=False,
        tracking=True,
        help="Marketing ends with the objection, whatever is decided. Other processing may go on only for compelling"
        " legitimate grounds that override the person's interests, or for legal claims (article 21(1) GDPR); or where"
        " its legal basis is a contract, a legal obligation or vital interests.",
    )
    compelling_grounds = fields.Text(
        copy=False, help="How your grounds were weighed against the person's interests. The person reads it."
    )

    @api.model_create_multi
    def create(self, vals_list):
        self._check_suspension_untouched(set().union(*vals_list))
        return super().create(vals_list)

    def write(self, vals):
        """Let a request that turns out to be about stopping, or about another person, take effect; or no longer.

        :raise UserError: the person's own choice to have the processing stopped would be undone
        """
        self._check_suspension_untouched(vals)
        if "type" in vals and vals["type"] not in SUSPENDING_TYPES:
            self._check_misread()
        result = super().write(vals)
        if "type" in vals:
            self._undo_effect()
            self._take_effect()
        if "subject_id" in vals:
            self.filtered("is_suspending")._suspend()
        return result

    def _check_suspension_untouched(self, names):
        if not self.env.su and not {"is_suspending", "suspension_lifted_on"}.isdisjoint(names):
            raise AccessError(self.env._("The processing is suspended and resumed by what is done, not by hand."))

    def _check_misread(self):
        """Refuse to take for something else what the persons themselves have chosen on a page (article 18(3)).

        :raise UserError: so
        """
        for request in self.filtered("is_suspending"):
            if request.source not in READ_BY_STAFF:
                raise UserError(
                    self.env._(
                        "%(number)s: the person has chosen this, and the processing is suspended. Take in a further"
                        " request for what else is asked; who wants this one no longer can have it cancelled.",
                        number=request.name,
                    )
                )

    def action_lift_restriction(self):
        """Open the form by which the person is told, and the processing is taken up again."""
        self.ensure_one()
        self._check_decided_to_resume()
        return self.subject_id._open_lifting(self)

    def _check_decided_to_resume(self):
        """Refuse to resume what an objection suspends before it is decided that it may (article 18(1)(d)).

        :raise UserError: so
        """
        for request in self.filtered(lambda request: request.type == "objection" and request.state in OPEN_STATES):
            # Of what nobody can object to, where its basis was corrected since, nothing has to be weighed.
            is_free = request.objection_outcome == "marketing_only" and not request._is_about_suspending()
            if request.objection_outcome != "compelling_grounds" and not is_free:
                raise UserError(
                    self.env._(
                        "%(number)s suspends the processing until the objection is decided, and only compelling"
                        " legitimate grounds let it resume: choose the decision and state the grounds first.",
                        number=request.name,
                    )
                )

    # ------------------------------------------------------------
    # AT ONCE
    # ------------------------------------------------------------

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
                not (request.is_suspending or request.suspension_lifted_on) and request._is_about_suspending()
            )
        )
        if not suspending:
            return
        suspending._suspend()
        suspending.sudo().is_suspending = True
        self.env["gdpr.lifting.notice"]._find_all_current(suspending.subject_id).is_void = True
        suspending.filtered(lambda request: not request.is_unidentified)._log_step("restricted")

    def _is_about_suspending(self):
        self.ensure_one()
        return self.type == "restriction" or (
            self.type == "objection" and self.sudo().subject_id.root_id.legal_basis not in BASES_WITHOUT_OBJECTION
        )

    def _undo_effect(self):
        """Let the processing go on where staff had misread what was asked, and no other request suspends it.

        Nobody obtained a restriction, so nobody has to be told before it ends (article 18(3)).
        """
        for request in self.filtered(lambda request: request.is_suspending and not request._is_about_suspending()):
            person = request.sudo().subject_id._lock_person()
            if person.restricted and not person._get_suspending_requests() - request:
                reason = self.env._("%(number)s turned out to ask for something else.", number=request.name)
                person._record_acts([{"subject_id": person.id, "action": "unrestricted", "values": {"reason": reason}}])
            # Not lifted for good: it takes effect when it turns out to ask for that after all.
            request.sudo().is_suspending = False
            request._log_step("lifted")

    def _suspend(self):
        self.env["gdpr.subject"].sudo()._record_restrictions(
            {
                request.sudo().subject_id: {**request._prepare_act(), "values": {"request": request.name}}
                for request in self
            }
        )

    def _is_effective(self):
        """Tell whether the request came from the person, or from staff who heard the person."""
        self.ensure_one()
        return self.state not in ("cancelled", "refused")

    def _prepare_act(self):
        """Give how the person acted, for the ledger."""
        self.ensure_one()
        actor = self._get_actor()
        sources = dict(self.env["gdpr.consent.event"]._fields["source"].selection)
        return {
            "actor": actor,
            "source": self.source if actor == "person" and self.source in sources else None,
            "company_id": self.company_id.id,
        }

    # ------------------------------------------------------------
    # THE END
    # ------------------------------------------------------------

    def _lift_restriction(self):
        """End what this request suspended. The processing resumes where no other request suspends it.

        :raise UserError: the person wasn't told before
        """
        self.ensure_one()
        self._check_decided_to_resume()
        person = self.sudo().subject_id._lock_person()
        if not person._get_suspending_requests() - self:
            person.with_env(self.env)._check_own_company()
            person._resume()
        self._end_suspension()
        if self.type == "restriction" and self.state in ("new", "verifying"):
            # Nothing is left of what it asked for.
            self.resolution = self.with_context(lang=self.lang or self.env.lang)._describe_restriction()
            self._close("done", "fulfilled", self.resolution)

    def _end_suspension(self):
        self.sudo().write({"is_suspending": False, "suspension_lifted_on": fields.Datetime.now()})
        self._log_step("lifted")

    # ------------------------------------------------------------
    # FULFILLING
    # ------------------------------------------------------------

    def _fulfil_restriction(self):
        """See that the data is only stored, and tell the recipients.

        :return: what was done, in the language of the context
        """
        self.ensure_one()
        self._take_effect()
        if self.is_suspending:
            self._tell_recipients()
        return " ".join(filter(None, [self._describe_restriction(), self._get_recipients_sentence()]))

    def _describe_restriction(self):
        if self.is_suspending:
            return self.env._(
                "We only store your data, and don't use it. We tell you before we use it again (article 18 GDPR)."
            )
        if self.sudo().subject_id.root_id.restricted:
            return self._describe_further_suspension()
        return self.env._("We only stored your data, and didn't use it, until we told you that we use it again.")

    def _fulfil_objection(self):
        """Do as the officer decided (article 21, law.md R-38, R-65).

        :return: what was done, in the language of the context
        :raise UserError: nothing is decided yet, or the person wasn't told before the processing resumes
        """
        self.ensure_one()
        self._check_objection_decided()
        if self.objection_outcome == "upheld" and self._is_about_suspending():
            # Resumed before, on grounds that the officer doesn't hold any more.
            self.sudo().suspension_lifted_on = False
        self._take_effect()
        marketing = self.env._("You get no marketing from us any more.")
        if self.objection_outcome != "upheld" and self.is_suspending:
            self.with_context(lang=self.env.user.lang)._lift_restriction()
        if self.objection_outcome == "compelling_grounds":
            return f"{marketing} {self._describe_grounds()}"
        self._tell_recipients()
        stopped = self.is_suspending and self.env._("We only store your data, and don't use it.")
        return " ".join(filter(None, [marketing, stopped or self._describe_basis(), self._get_recipients_sentence()]))

    def _describe_further_suspension(self):
        """Give why the data is only stored although this request doesn't demand it any more."""
        others = self.sudo().subject_id._get_suspending_requests() - self
        if others and self.company_id not in others.company_id:
            return self.env._(
                "We go on only storing your data, and don't use it, because of what you have asked of another company"
                " that keeps it together with us."
            )
        return self.env._(
            "We go on only storing your data, and don't use it, because of what else you have asked of us."
        )

    def _describe_grounds(self):
        """Give the grounds for which the processing goes on (article 21(1)); the mail says where to complain."""
        grounds = self.compelling_grounds.strip()
        if self.sudo().subject_id.root_id.restricted:
            return self.env._(
                "For the rest there are compelling legitimate grounds: %(grounds)s %(suspended)s",
                grounds=grounds,
                suspended=self._describe_further_suspension(),
            )
        return self.env._(
            "Otherwise we go on using your data, for compelling legitimate grounds: %(grounds)s",
            grounds=grounds,
        )

    def _describe_basis(self):
        """Give why other processing goes on although the person objects; None where that isn't because of its basis."""
        basis = self.sudo().subject_id.root_id.legal_basis
        if basis not in BASES_WITHOUT_OBJECTION:
            return None
        bases = dict(self.env["gdpr.subject"]._fields["legal_basis"]._description_selection(self.env))
        return self.env._(
            "Otherwise we go on using your data, on the legal basis “%(basis)s”: to that the law gives no right to"
            " object (article 21(1) GDPR).",
            basis=bases[basis],
        )

    def _close(self, state, action, note=None):
        """Write to the people what was done of their requests to stop (article 12(3))."""
        super()._close(state, action, note)
        if state == "done":
            requests = self.filtered(lambda request: request.type in SUSPENDING_TYPES)
            requests._write_outcome("gdpr_consent.mail_template_subject_request_done")

    def _check_objection_decided(self):
        request = self.with_context(lang=self.env.user.lang)
        if not self.objection_outcome:
            raise UserError(
                request.env._("Decide on the objection first: uphold it, or state your compelling grounds.")
            )
        is_objectionable = self._is_about_suspending()
        if is_objectionable and self.objection_outcome == "marketing_only":
            raise UserError(
                request.env._(
                    "The person can object to the rest too, for its legal basis is none of contract, legal obligation"
                    " and vital interests: uphold the objection, or state your compelling grounds."
                )
            )
        if not is_objectionable and self.objection_outcome != "marketing_only":
            raise UserError(
                request.env._(
                    "To processing on the legal basis of this person nobody can object, so it goes on: choose"
                    " “Marketing ends: to the rest nobody can object”. The person reads why."
                )
            )
        if self.objection_outcome == "compelling_grounds" and not (self.compelling_grounds or "").strip():
            raise UserError(
                request.env._(
                    "State the compelling legitimate grounds, and how you weighed them against the person's interests."
                )
            )
