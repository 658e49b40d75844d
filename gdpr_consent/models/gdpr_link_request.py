import secrets
from datetime import timedelta

from odoo import api, fields, models

from .gdpr_link import TOKEN_BYTES
from .gdpr_subject_request_declaration import DAYS
from .gdpr_subject_request_identity import IDENTITY_LINK_DAYS


class GdprLink(models.Model):
    """Links by which a mailbox confirms a data-subject request.

    * request: what was typed on the public page for this mailbox; nobody knows yet whose it is;
    * identity: that a request on the desk is the person's own; the next one supersedes it.
    """

    _inherit = "gdpr.link"

    kind = fields.Selection(
        selection_add=[("request", "Request"), ("identity", "Identity")],
        ondelete={"request": "cascade", "identity": "cascade"},
    )
    subject_id = fields.Many2one(required=False)
    company_id = fields.Many2one("res.company", ondelete="cascade", help="Of a link that is nobody's yet.")
    data_request_id = fields.Many2one("gdpr.subject.request", index="btree_not_null", ondelete="cascade")
    lang = fields.Char()

    _subject_known = models.Constraint(
        "CHECK (subject_id IS NOT NULL OR kind = 'request')", "A personal link is somebody's."
    )

    @api.model
    def _issue_for_declaration(self, declaration):
        """Make the link by which a mailbox confirms what was typed for it.

        :return: the token; it is nowhere else
        :rtype: str
        """
        values = {"company_id": declaration.company_id.id, "lang": declaration.lang}
        return self._issue_bare("request", declaration.email, DAYS, **values)

    @api.model
    def _issue_for_identity(self, request):
        """Make the link by which the person confirms a request; the one before stops working.

        :return: the token; it is nowhere else
        :rtype: str
        """
        self.sudo().search([("data_request_id", "=", request.id), ("kind", "=", "identity")]).unlink()
        values = {"subject_id": request.subject_id.id, "data_request_id": request.id, "lang": request.lang}
        return self._issue_bare("identity", request.identity_email, IDENTITY_LINK_DAYS, **values)

    @api.model
    def _issue_bare(self, kind, email, validity_days, **values):
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.sudo().create(
            {
                "kind": kind,
                "digest": self._get_digest(token),
                "email": email,
                "expires_on": fields.Datetime.now() + timedelta(days=validity_days),
                **values,
            }
        )
        return token

    def _get_company(self):
        self.ensure_one()
        return self.company_id or self.data_request_id.company_id or super()._get_company()

    def _get_lang(self):
        self.ensure_one()
        return self.lang or super()._get_lang()
