import logging
import secrets
from dataclasses import dataclass, field

from psycopg2 import OperationalError

from odoo.exceptions import UserError, ValidationError
from odoo.http import request, route

from odoo.addons.website.controllers.form import WebsiteForm

from .privacy_page import PrivacyPage

_logger = logging.getLogger(__name__)

PREFIX = "gdpr_consent"
VERSION = "gdpr_consent_version"
# Confirmations that can be asked for by web forms, so that nobody's mailbox is flooded through them.
MAILS_PER_ADDRESS_AND_DAY = 3


@dataclass
class Choices:
    """What a visitor ticked: the wording shown, and the channel codes by id of each purpose agreed to."""

    version: object
    by_purpose: dict[int, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class ConsentWebsiteForm(WebsiteForm):
    """Consent choices in the forms of the web site.

    Anybody can send anything, for any address: what was ticked is declared, and counts once it is confirmed from the
    mailbox. Whatever of it can't be used never stops the form itself.
    """

    @route("/gdpr/choices", type="jsonrpc", auth="public", website=True, readonly=True, sitemap=False, methods=["POST"])
    def consent_choices(self, model="", lang="", is_edited=False):
        """Give the choices to show in a form, as HTML; empty when there are none.

        :param str model: what the form creates
        :param str lang: language code of the page
        :param bool is_edited: say why where there are none
        """
        company = request.website.company_id
        is_card = model in request.env["gdpr.subject.mixin"]._get_card_models()
        is_covered = model in request.env["gdpr.scope"]._get_covered_models()
        form = request.env["gdpr.consent.form"]._get_for_website(request.website)
        if lang in dict(request.env["res.lang"].get_installed()):
            request.update_context(lang=lang)
        templates = request.env["ir.qweb"]
        if is_covered and form:
            version = form._get_version(request.env.lang)
            values = {"version": version, "content": version._get_content(), "prefix": f"gdpr_{secrets.token_hex(4)}"}
            return templates._render("gdpr_consent.website_form_choices", values)
        if is_edited and request.env.user._is_internal():
            values = {"is_card": is_card, "is_covered": is_covered, "company": company.sudo()}
            return templates._render("gdpr_consent.website_form_choices_missing", values)
        return ""

    def extract_data(self, model_sudo, values):
        """Keep the choices out of the record's description."""
        kept = {name: value for name, value in values.items() if name.partition(".")[0] not in (PREFIX, VERSION)}
        return super().extract_data(model_sudo, kept)

    def insert_record(self, request, model_sudo, values, custom, meta=None):
        """Record what was ticked beside the record that the form makes.

        :raise ValidationError: a purpose without a way of contact, or the reverse: the visitor can mend it
        """
        choices = self._read_choices(model_sudo.model)
        if choices and choices.problems:
            raise ValidationError("\n".join(choices.problems))
        record_id = super().insert_record(request, model_sudo, values, custom, meta=meta)
        if choices and record_id:
            card = request.env[model_sudo.model].sudo().browse(record_id).exists()
            self._record_choices(card, choices)
        return record_id

    def _read_choices(self, model):
        """Read what was ticked; None when it was nothing, or nothing that this web site has offered."""
        sent = {name for name in request.params if name.startswith(f"{PREFIX}.")}
        if not sent or model not in request.env["gdpr.scope"]._get_covered_models():
            return None
        version = request.env["gdpr.consent.form"]._find_shown_on(request.website, request.params.get(VERSION, ""))
        if not version:
            _logger.warning("A web form came with consent to a wording that isn't one of this web site's.")
            return None
        choices = Choices(version)
        offered = set()
        for purpose in version._get_content()["purposes"]:
            name = f"{PREFIX}.{purpose['code']}"
            names = {channel["code"]: f"{name}.{channel['code']}" for channel in purpose["channels"]}
            offered |= {name, *names.values()}
            chosen = [code for code, channel_name in names.items() if channel_name in sent]
            if name in sent and names and not chosen:
                choices.problems.append(
                    request.env._(
                        "“%(purpose)s”: choose at least one way to contact you, or leave it unticked.",
                        purpose=purpose["name"],
                    )
                )
            elif chosen and name not in sent:
                choices.problems.append(
                    request.env._(
                        "You chose how to contact you, but didn't tick “%(purpose)s”.", purpose=purpose["name"]
                    )
                )
            elif name in sent:
                choices.by_purpose[purpose["id"]] = chosen
        if sent - offered:
            _logger.warning("A web form came with consent to what its wording doesn't offer: left out.")
        return choices if choices.by_purpose or choices.problems else None

    def _record_choices(self, card, choices):
        """Record what was ticked; where that can't be, say so on the record and go on."""
        email = card._gdpr_get_email() if card else None
        if not email:
            _logger.info("A web form came with consent, but without an address to confirm it from.")
            return
        if not request.env["gdpr.rate.limit"]._hit("declaration", email, MAILS_PER_ADDRESS_AND_DAY, minutes=24 * 60):
            _logger.warning("Too many web forms with consent for one address: not recorded.")
            return
        company = choices.version.form_id.company_id
        values = PrivacyPage()._get_circumstances(company)
        values |= {
            "language": choices.version.lang,
            "evidence": request.env._("Form of the web site: %(page)s", page=self._get_page()),
        }
        try:
            with request.env.cr.savepoint():
                card._gdpr_record_ticked(choices.version, choices.by_purpose, values)
        except (UserError, ValidationError) as error:
            _logger.info("The consent that came with a web form wasn't recorded: %s", error)
            if hasattr(card, "_message_log"):
                card._message_log(
                    body=card.env._(
                        "The visitor ticked consent choices in the form of the web site. They weren't recorded:"
                        " %(reason)s",
                        reason=error,
                    )
                )
        except OperationalError:
            # Another transaction was in the way: Odoo tries the whole again.
            raise
        except Exception:
            _logger.exception("The consent that came with a web form couldn't be recorded.")

    def _get_page(self):
        """Give the address of the page with the form, without what may be personal in it."""
        page = (request.httprequest.referrer or "").partition("?")[0].replace("\0", "")
        return page[:500] or request.website.name
