import ipaddress
from functools import cache
from urllib.parse import urlsplit

from odoo.http import request
from odoo.tools import format_date, format_time
from odoo.tools.mail import email_anonymize

# The routes of the pages behind a personal link. In the person's language at one address: no redirect by language.
LINK_PAGE = {"type": "http", "auth": "public", "website": True, "multilang": False, "sitemap": False}

# Uses of a page by one address, or of one link, in ten minutes.
MISSES_ALLOWED = 20
USES_ALLOWED = 60

# All that a page asks of the company, which has a hundred columns more.
COMPANY_FIELDS = ("website_id", "gdpr_ip_retention", "partner_id", "resource_calendar_id")

# The pages are plain HTML and carry no script at all, so nothing but the site's own style and images loads.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}


class PrivacyPage:
    """What the pages behind a personal link have in common (law.md R-85 to R-97).

    No controller itself: Odoo would make one of all pages, that of the portal too, and serve the portal's other pages
    with it, without what other apps add to them.
    """

    def _render(self, template, values=None, status=200):
        """Give a page with the headers that every one of them carries, in the look of the form's web site."""
        form = (values or {}).get("form")
        if form:
            form.company_id.sudo().fetch(COMPANY_FIELDS)
        website = form and (form.website_id or form.company_id.website_id)
        if website:
            request.update_context(website_id=website.id)
            request.website = website.with_env(request.env)
        response = request.render(template, {"lang": request.env.lang or "en_US", **(values or {})})
        response.status_code = status
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    def _redirect(self, path):
        response = request.redirect(path, code=303)
        response.headers.update(HEADERS)
        return response

    def _download(self, html, name):
        """Give a page to keep as a file; ``name`` is ASCII."""
        return request.make_response(
            html,
            headers=[
                *HEADERS.items(),
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Disposition", f'attachment; filename="{name}"'),
            ],
        )

    def _find_link(self, kind, token, limit_uses=True):
        """Give the link and the page to show instead of it: one of the two is empty.

        Every bad link gets the same page and status (law.md R-89).

        :param bool limit_uses: limit how often a good link is used too
        """
        address = request.httprequest.remote_addr or ""
        limits = request.env["gdpr.rate.limit"]
        link = request.env["gdpr.link"]._find(kind, token)
        if not link:
            if not limits._hit("miss", address, MISSES_ALLOWED):
                return link, self._too_many()
            return link, self._unusable()
        if limit_uses and not limits._hit("link", str(link.id), USES_ALLOWED):
            return link, self._too_many()
        return link, None

    def _unusable(self):
        return self._render("gdpr_consent.link_unusable", status=404)

    def _too_many(self):
        response = self._render("gdpr_consent.too_many_requests", status=429)
        response.headers["Retry-After"] = "600"
        return response

    def _get_url_lang(self):
        """Give the language that the address begins with (``/it/gdpr/request``), or None."""
        # Odoo takes it off the path before the page is found; what was asked for stays in the environment.
        prefix = urlsplit(request.httprequest.environ.get("REQUEST_URI") or "").path.split("/")[1:2]
        language = getattr(request, "lang", None)
        return language.code if language and prefix == [language.url_code] else None

    def _speak(self, lang, versions=None):
        """Speak the language asked for by the page's own switch, else that of the address, else the person's."""
        wanted = request.params.get("lang") or self._get_url_lang()
        installed = dict(request.env["res.lang"].get_installed())
        if wanted in installed and (not versions or wanted in versions.mapped("lang")):
            lang = wanted
        if lang not in installed:
            lang = request.website.default_lang_id.code
        request.update_context(lang=lang)
        return lang

    def _get_versions_to_show(self, asking):
        """Give the wording behind the link of a request, in all its languages."""
        number = asking.form_id._get_number_to_show(asking.version_number)
        return asking.form_id._get_versions(number)

    def _get_shown_version(self, asking):
        """Give the wording the person had on the screen: the form says which."""
        version_id = request.httprequest.form.get("version", "")
        shown = asking.form_id._get_shown_version(version_id, asking.version_number)
        return shown or asking._get_version(request.env.lang)

    def _is_outdated(self, version):
        """Tell whether who agrees to this wording must see a newer one first. A no counts whatever was asked."""
        return version.number < version.form_id.material_version_number

    def _describe_change(self):
        return request.env._(
            "What we ask for has changed since you opened this page. Please read it again and then choose."
        )

    def _get_circumstances(self, company):
        """Give what is kept of how an answer came, as the settings of the company say."""
        values = {"language": request.env.lang or ""}
        address = request.httprequest.remote_addr
        company.sudo().fetch(COMPANY_FIELDS)
        retention = company.sudo().gdpr_ip_retention
        if address and retention != "none":
            values["ip_address"] = address if retention == "full" else truncate_address(address)
            values["user_agent"] = (request.httprequest.user_agent.string or "")[:500]
        return values

    def _get_record(self, subject):
        """Give what is on record for a person, for a page to show."""
        # The language was chosen after the person was found.
        person = subject.sudo().with_context(lang=request.env.lang).root_id
        consents = person.consent_ids
        return {
            "person": person,
            "consents": consents,
            "given": consents.filtered(lambda consent: consent.state == "given"),
            "latest": consents._filter_latest_act(),
            "objected_on": person._get_objected_on(),
            **self._get_clock(person.company_id or request.env.company),
            "email_anonymize": email_anonymize,
        }

    def _get_clock(self, company):
        """Give what writes a point of time (UTC) as it is where a company is: ``show_day`` and ``show_moment``."""

        @cache
        def local():
            # Asked for where there is a date to show, once for all of them.
            return request.env(context={**request.env.context, "tz": company._gdpr_get_timezone()})

        def show_day(moment):
            return format_date(local(), moment)

        def show_moment(moment):
            return f"{show_day(moment)} {format_time(local(), moment, local().context['tz'], 'short')}"

        return {"show_day": show_day, "show_moment": show_moment}


def truncate_address(address):
    """Give the network of an IP address: 24 bits of IPv4, 48 bits of IPv6; empty when it isn't one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{address}/{24 if parsed.version == 4 else 48}", strict=False))
