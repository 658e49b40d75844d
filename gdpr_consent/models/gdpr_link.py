import hashlib
import logging
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

_logger = logging.getLogger(__name__)

TOKEN_BYTES = 32


class GdprLink(models.Model):
    """A personal link: a credential of which only the SHA-256 is kept (law.md R-85, R-86).

    * grant: to answer one request; single use, expires, superseded by the next one;
    * preferences: in every message; doesn't expire; can show, restrict and withdraw, never grant;
    * unsubscribe: in the header of a marketing message (RFC 8058); doesn't expire; can only take back what the
      message was sent for, or object to all marketing.
    """

    _name = "gdpr.link"
    _description = "Personal Link"
    _order = "id DESC"

    kind = fields.Selection(
        [("grant", "Grant"), ("preferences", "Preferences"), ("unsubscribe", "Unsubscribe")], required=True
    )
    digest = fields.Char(required=True)
    subject_id = fields.Many2one("gdpr.subject", required=True, index=True, ondelete="cascade")
    request_id = fields.Many2one("gdpr.consent.request", index="btree_not_null", ondelete="cascade")
    purpose_id = fields.Many2one(
        "gdpr.purpose",
        ondelete="restrict",
        help="What an unsubscribe link takes back; empty: all its request asks for.",
    )
    email = fields.Char(help="The address it was delivered to.")
    address_digest = fields.Char(
        help="Keyed hash of an address that was erased because nobody confirmed it: a no by the link counts there."
    )
    expires_on = fields.Datetime()

    _digest_uniq = models.UniqueIndex("(digest)", "A link is made once.")

    @api.model
    def _issue(self, kind, subject, request, email, validity_days=None, purpose=None):
        """Make a link.

        :param gdpr.purpose purpose: of an unsubscribe link
        :param int validity_days: days until it expires, default never
        :return: the token; it is nowhere else
        :rtype: str
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.sudo().create(
            {
                "kind": kind,
                "digest": self._get_digest(token),
                "subject_id": subject.id,
                "request_id": request.id if request else False,
                "purpose_id": purpose.id if purpose else False,
                "email": email,
                "expires_on": validity_days and fields.Datetime.now() + timedelta(days=validity_days),
            }
        )
        return token

    @api.model
    def _issue_for_requests(self, requests):
        """Make the links of many outgoing requests, in one go.

        :return: the tokens by kind, by id of the request
        :rtype: dict[int, dict[str, str]]
        """
        tokens, vals_list = {}, []
        now = fields.Datetime.now()
        for request in requests:
            validity = timedelta(days=request._get_link_days())
            tokens[request.id] = {}
            for kind in ("grant", "preferences", "unsubscribe"):
                token = tokens[request.id][kind] = secrets.token_urlsafe(TOKEN_BYTES)
                vals_list.append(
                    {
                        "kind": kind,
                        "digest": self._get_digest(token),
                        "subject_id": request.subject_id.id,
                        "request_id": request.id,
                        "email": request.email,
                        "expires_on": now + validity if kind == "grant" else False,
                    }
                )
        self.sudo().create(vals_list)
        return tokens

    @api.model
    def _issue_lasting(self, request):
        """Make the links of an outgoing request in a transaction of their own.

        :return: as ``_issue_for_requests``; None where the request isn't committed itself, or others are in the way
        """
        with self.env.registry.cursor() as cursor:
            # Never waits long: the present transaction may be what is in the way.
            cursor.execute("SET LOCAL lock_timeout TO '3s'")
            links = self.with_env(self.env(cr=cursor))
            try:
                with cursor.savepoint():
                    if links.env["gdpr.consent.request"].browse(request.id).exists():
                        return links._issue_for_requests(request)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                _logger.info("The links of %s last only if its transaction does.", request)
        return None

    @api.model
    def _issue_unsubscribe(self, subject, email, request=None, purpose=None):
        """Make the link for the headers of one marketing message (law.md R-77).

        :param gdpr.consent.request request: the request the message is, if it is one
        :param gdpr.purpose purpose: what the message is sent for; with neither, all marketing
        :return: the absolute address
        :rtype: str
        """
        token = self._issue("unsubscribe", subject, request, email, purpose=purpose)
        return f"{(request or subject).get_base_url()}/gdpr/unsubscribe/{token}"

    @api.model
    def _get_digest(self, token):
        # A token taken from a URL can hold anything, lone surrogates too.
        return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()

    @api.model
    def _find(self, kind, token):
        """Give the link that a token stands for: empty when unknown, of another kind or expired.

        The look-up is by digest, so its time tells nothing about the token (law.md R-87).
        """
        link = self.sudo().search_fetch(
            [("digest", "=", self._get_digest(token)), ("kind", "=", kind)],
            ["subject_id", "request_id", "purpose_id", "email", "expires_on"],
        )
        if link.expires_on and link.expires_on < fields.Datetime.now():
            return self.browse()
        return link

    # ------------------------------------------------------------
    # WHAT A PAGE BEHIND THE LINK IS ABOUT; a link that came with no request follows the person
    # ------------------------------------------------------------

    def _get_company(self):
        """Give the company that is the controller."""
        self.ensure_one()
        return self.request_id.company_id or self.subject_id.company_id or self.env.company

    def _get_form(self):
        """Give the form whose look the page wears; empty when the company has published none."""
        self.ensure_one()
        return self.request_id.form_id or self.env["gdpr.consent.form"]._get_default(self._get_company())

    def _get_version(self, lang):
        """Give the wording the page refers to; empty when the company has published none."""
        self.ensure_one()
        form = self._get_form()
        if self.request_id:
            return self.request_id._get_version(lang)
        return form._get_version(lang) if form else self.env["gdpr.consent.form.version"]

    def _get_lang(self):
        """Give the language the person was written to in, a code; else that of the person's card."""
        self.ensure_one()
        return self.request_id.lang or self.subject_id._get_lang()

    def _get_unsubscribed_purposes(self):
        """Give what an unsubscribe link takes back; empty: all marketing."""
        self.ensure_one()
        return self.purpose_id or self.request_id._get_asked_purposes()
