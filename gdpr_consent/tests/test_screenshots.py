import base64
import io
import os
import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from PIL import Image, ImageChops, ImageDraw, ImageFont

from odoo.tests import HttpCase, freeze_time, new_test_user, tagged

from .browser import BLOCKED_BY_PAGE, PHONE, BrowserMixin
from .common import ConsentCase

# Set to write the pictures into docs/images; otherwise they are made, looked over for errors, and thrown away.
SWITCH = "GDPR_CONSENT_SCREENSHOTS"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
NOW = datetime(2026, 3, 2, 9, 30)
FORM = {"width": 1280, "height": 1000}
NAMES = {
    "privacy_salesperson": "Sara Conti",
    "privacy_officer": "Olga Ferri",
    "privacy_manager": "Marco Galli",
    "privacy_employee": "Emma Leone",
}


def draw_logo():
    """Draw a company's logo, as base64."""
    image = Image.new("RGBA", (360, 96), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((4, 8, 84, 88), radius=20, fill="#0f766e")
    draw.ellipse((24, 28, 64, 68), fill="#ffffff")
    draw.ellipse((38, 28, 78, 68), fill="#0f766e")
    draw.text((104, 20), "Alba Mobili", font=ImageFont.load_default(44), fill="#134e4a")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue())


@tagged("post_install", "-at_install")
class TestScreenshots(BrowserMixin, ConsentCase, HttpCase):
    """The pictures of the guides. The same names and dates each time, so that they change with the screens only."""

    @classmethod
    def setUpClass(cls):
        choice = random.Random(19).choice
        with freeze_time(NOW - timedelta(days=20)), patch("secrets.choice", choice):
            super().setUpClass()
            # The colour of a person's initials follows from the moment of creation.
            cls.cr._now = NOW
            cls.env.cr.execute("UPDATE res_partner SET create_date = %s", [NOW])
            cls.env.cr.execute("UPDATE crm_lead SET create_date = %s", [NOW])
            cls.env.invalidate_all()
            cls.set_up_company()
            cls.set_up_people()
        cls.folder = IMAGES
        if not os.environ.get(SWITCH):
            folder = tempfile.TemporaryDirectory()
            cls.addClassCleanup(folder.cleanup)
            cls.folder = Path(folder.name)

    @classmethod
    def set_up_company(cls):
        company = cls.env.company
        company.write(
            {
                "name": "Alba Mobili",
                "street": "Via Roma 12",
                "zip": "20121",
                "city": "Milano",
                "country_id": cls.env.ref("base.it").id,
                "email": "info@alba.example",
                "logo": draw_logo(),
                "gdpr_officer_name": "Olga Ferri",
                "gdpr_officer_email": "privacy@alba.example",
            }
        )
        website = cls.env["website"].get_current_website()
        website.write({"name": company.name, "logo": company.logo})
        cls.form.logo = company.logo
        cls.form.action_publish()
        for user in cls.salesperson | cls.officer | cls.manager | cls.employee:
            name = NAMES[user.login]
            user.write(
                {
                    "name": name,
                    "email": f"{name.split()[0].lower()}@alba.example",
                    "tz": "Europe/Rome",
                    # Initials of the new name.
                    "image_1920": False,
                }
            )

    @classmethod
    def set_up_people(cls):
        cls.people = {}
        for key, name, city in (
            ("not_applicable", "Carla Bianchi", "Torino"),
            ("pending", "Davide Moretti", "Bologna"),
            ("waiting", "Elisa Fontana", "Verona"),
            ("obtained", "Giulia Romano", "Firenze"),
            ("refused", "Luca Greco", "Bari"),
            ("withdrawn", "Paolo Rinaldi", "Genova"),
            ("contract", "Silvia Marini", "Padova"),
        ):
            cls.people[key] = cls.env["res.partner"].create(
                {
                    "name": name,
                    "email": f"{name.lower().replace(' ', '.')}@example.com",
                    "phone": f"+39 02 555 01{len(cls.people):02}",
                    "city": city,
                    "country_id": cls.env.ref("base.it").id,
                    "lang": "en_US",
                    "user_id": cls.salesperson.id,
                }
            )
        cls.lead_of_fair = cls.env["crm.lead"].create(
            {
                "name": "Twelve desks for a new office",
                "type": "opportunity",
                "contact_name": "Jonas Bauer",
                "email_from": "jonas.bauer@example.com",
                "phone": "+49 30 555 0142",
                "expected_revenue": 4800,
                "user_id": cls.salesperson.id,
            }
        )
        (cls.people["contract"]).with_user(cls.officer).gdpr_set_legal_basis(
            "contract", "Maintenance contract, signed."
        )

    def setUp(self):
        super().setUp()
        choice = random.Random(26).choice
        self.startPatcher(patch("secrets.choice", choice))

    def tell(self, key, days, *, until=None):
        """Bring the person of this name into a state, the acts lying some days back."""
        card = self.people.get(key, self.lead_of_fair)
        until = until or key
        token = None
        with freeze_time(NOW - timedelta(days=days, hours=1)):
            card.with_user(self.officer).gdpr_set_legal_basis("consent")
        if until == "pending":
            return card, token
        with freeze_time(NOW - timedelta(days=days)):
            request, token, self.preferences_token = self.ask(card.with_user(self.salesperson))
        if until == "waiting":
            return card, token
        choices = {} if until == "refused" else {self.marketing.id: ["email", "phone"]}
        note = "I get more mail than I can read." if until == "refused" else "Please call in the afternoon."
        with freeze_time(NOW - timedelta(days=days - 1, hours=3, minutes=12)):
            values = {"note": note, "email": request.email, "language": "en_US"}
            request._answer(request._get_version(), "save" if choices else "refuse", choices, values)
        if until == "withdrawn":
            with freeze_time(NOW - timedelta(days=1)):
                card.with_user(self.salesperson).gdpr_withdraw_consent(source="phone", note="I have changed jobs.")
        return card, token

    def save(self, page, name, **options):
        """Take a picture of the window, or of a part of it."""
        target = options.pop("target", page)
        self.settle(page)
        page.add_style_tag(content=".o-mail-MessagingMenu-counter { display: none }")
        page.mouse.move(0, 0)
        picture = target.screenshot(animations="disabled", caret="hide", **options)
        path = self.folder / f"{name}.png"
        if not (path.exists() and is_same_picture(path, picture)):
            path.write_bytes(picture)

    def browse_as(self, user, **options):
        return self.browse(user.login, **{"clock": NOW, "viewport": FORM, **options})

    def open_tab(self, page, url):
        page.goto(url)
        page.get_by_role("tab", name="Data Privacy").click()
        self.settle(page)

    def take_tab(self, name, card, user=None):
        path = "crm" if card._name == "crm.lead" else "contacts"
        with self.browse_as(user or self.salesperson) as page:
            self.open_tab(page, f"/odoo/{path}/{card.id}")
            self.save(page, name)

    def test_settings(self):
        with self.browse_as(self.manager) as page:
            page.goto("/odoo/settings#gdpr_consent")
            page.locator(".settings_tab .tab[data-key=gdpr_consent]").click()
            page.get_by_text("Covered Records").wait_for()
            self.save(page, "settings")

    def test_contact_not_applicable(self):
        self.take_tab("contact_not_applicable", self.people["not_applicable"], self.officer)

    def test_contact_pending(self):
        card, _token = self.tell("pending", 3)
        self.take_tab("contact_pending", card)

    def test_composer(self):
        card, _token = self.tell("pending", 3)
        with self.browse_as(self.salesperson) as page:
            self.open_tab(page, f"/odoo/contacts/{card.id}")
            page.get_by_role("button", name="Send consent form").click()
            page.locator(".o_mail_composer_form .odoo-editor-editable").wait_for()
            self.save(page, "composer")

    def test_contact_waiting(self):
        card, _token = self.tell("waiting", 3)
        self.take_tab("contact_waiting", card)

    def test_contact_obtained(self):
        card, _token = self.tell("obtained", 6)
        self.take_tab("contact_obtained", card)

    def test_lead_obtained(self):
        card, _token = self.tell("lead", 6, until="obtained")
        self.take_tab("lead_obtained", card)

    def test_contact_refused(self):
        card, _token = self.tell("refused", 5)
        self.take_tab("contact_refused", card)

    def test_contact_withdrawn(self):
        card, _token = self.tell("withdrawn", 12)
        self.take_tab("contact_withdrawn", card)

    def test_mail(self):
        self.tell("waiting", 0)
        body = self._mails[-1]["body"]
        with self.browse(clock=NOW, viewport={"width": 680, "height": 200}) as page:
            page.set_content(f"<body style='margin: 0'>{body}</body>")
            self.save(page, "mail", full_page=True)

    def test_page(self):
        _card, token = self.tell("waiting", 1)
        with self.browse(clock=NOW, expected_errors=BLOCKED_BY_PAGE) as page:
            page.goto(f"/gdpr/consent/{token}")
            self.save(page, "page_desktop", full_page=True)
            page.set_viewport_size(PHONE)
            self.save(page, "page_phone", full_page=True)
            page.set_viewport_size({"width": 1280, "height": 800})
            page.get_by_label("News and offers").check()
            page.get_by_label("E-mail", exact=True).check()
            page.get_by_label("Phone", exact=True).check()
            page.get_by_role("button", name="Save my choices").click()
            page.get_by_role("heading", name="Thank you").wait_for()
            self.save(page, "thanks", full_page=True)
            page.get_by_role("link", name="your preferences").click()
            page.get_by_role("heading", name="Your privacy preferences").wait_for()
            self.save(page, "preferences", full_page=True)

    def test_portal(self):
        card, _token = self.tell("obtained", 6)
        new_test_user(
            self.env, "privacy_portal", "base.group_portal", partner_id=card.id, name=card.name, email=card.email
        )
        # As far down as the web site's own footer.
        with self.browse("privacy_portal", clock=NOW, viewport={"width": 1280, "height": 1200}) as page:
            page.goto("/my/privacy")
            self.save(page, "portal")

    def test_form_designer(self):
        with self.browse_as(self.manager) as page:
            page.goto(f"/odoo/privacy-forms/{self.form.id}")
            page.get_by_role("button", name="Preview").wait_for()
            self.save(page, "form_designer")

    def tell_all(self):
        for key, days in (("pending", 3), ("waiting", 2), ("obtained", 9), ("refused", 5), ("withdrawn", 12)):
            self.tell(key, days)
        self.tell("lead", 6, until="obtained")

    def test_ledger(self):
        self.tell_all()
        with self.browse_as(self.officer) as page:
            page.goto("/odoo/privacy-ledger")
            page.locator(".o_data_row").first.wait_for()
            self.save(page, "ledger")

    def test_list_and_kanban(self):
        self.tell_all()
        with self.browse_as(self.officer) as page:
            page.goto("/odoo/contacts")
            page.locator(".o_optional_columns_dropdown button").click()
            for column in ("Legal Basis", "Consent"):
                page.locator(".o-dropdown--menu").get_by_text(column, exact=True).click()
            # The list divides its width anew.
            page.reload()
            # The people of the story, not those of other tests.
            page.get_by_role("searchbox").fill("Sara")
            page.get_by_text("Search Salesperson for:").click()
            self.save(page, "list")
            page.locator(".o_switch_view.o_kanban").click()
            page.locator(".o_kanban_record").first.wait_for()
            self.save(page, "kanban")


def is_same_picture(path, picture):
    """Tell whether a picture shows what the file shows: a file that isn't changed isn't written."""
    old, new = Image.open(path).convert("RGB"), Image.open(io.BytesIO(picture)).convert("RGB")
    return old.size == new.size and not ImageChops.difference(old, new).getbbox()
