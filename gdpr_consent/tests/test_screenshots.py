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

from .browser import BLOCKED_BY_PAGE, DESKTOP, PHONE, BrowserMixin
from .common import ConsentCase

# Set to write the pictures where the guides have them; otherwise they are made, looked over, and thrown away.
SWITCH = "GDPR_CONSENT_SCREENSHOTS"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
# Those of the app's page in Odoo's list of apps; the guides show them from there.
DESCRIPTION = Path(__file__).parents[1] / "static" / "description"
DESCRIPTION_IMAGES = ("contact_obtained", "overview", "page_phone", "erasure_plan")
NOW = datetime(2026, 3, 2, 9, 30)
LIST = {"width": 1440, "height": 640}
FORM = {"width": 1280, "height": 1000}
SHADE = 8
FIRST_NAMES = ("Anna", "Bruno", "Chiara", "Dario", "Elena", "Fabio", "Gaia", "Ivo")
LAST_NAMES = ("Amato", "Basile", "Caputo", "Donati", "Esposito", "Ferrara")
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
        with freeze_time(NOW - timedelta(days=20)), patch("secrets.randbelow", random.Random(19).randrange):
            super().setUpClass()
            # The colour of a person's initials follows from the moment of creation.
            cls.cr._now = NOW
            cls.env.cr.execute("UPDATE res_partner SET create_date = %s", [NOW])
            cls.env.cr.execute("UPDATE crm_lead SET create_date = %s", [NOW])
            cls.env.invalidate_all()
            cls.set_up_company()
            cls.set_up_people()
        cls.folder, cls.description_folder = IMAGES, DESCRIPTION
        if not os.environ.get(SWITCH):
            folder = tempfile.TemporaryDirectory()
            cls.addClassCleanup(folder.cleanup)
            cls.folder = cls.description_folder = Path(folder.name)

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
                    "signature": name,
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
        cls.opportunity = cls.env["crm.lead"].create(
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
        contract = cls.people["contract"].with_user(cls.officer)
        contract.gdpr_set_legal_basis("contract", "Maintenance contract, signed.")

    def setUp(self):
        super().setUp()
        # The references of people.
        self.startPatcher(patch("secrets.randbelow", random.Random(26).randrange))

    def set_basis(self, card, moment):
        with freeze_time(moment):
            card.with_user(self.officer).gdpr_set_legal_basis("consent")

    def ask_at(self, card, moment):
        """Ask a person at a moment in the past; give the request and the token of the page."""
        self.set_basis(card, moment - timedelta(hours=1))
        with freeze_time(moment):
            return self.ask(card.with_user(self.salesperson))[:2]

    def answer_at(self, card, moment, channels, note):
        """Let a person answer a request; ``channels`` are the codes ticked, none to refuse."""
        request, _token = self.ask_at(card, moment - timedelta(hours=27, minutes=12))
        with freeze_time(moment):
            choices = {self.marketing.id: channels} if channels else {}
            values = {"note": note, "email": request.email, "language": "en_US"}
            request._answer(request._get_version(), "save" if choices else "refuse", choices, values)

    def tell_everything(self):
        """Bring everybody into a state, by acts that lie some days back."""
        self.set_basis(self.people["pending"], NOW - timedelta(days=3))
        self.ask_at(self.people["waiting"], NOW - timedelta(days=2))
        self.answer_at(
            self.people["obtained"], NOW - timedelta(days=8), ["email", "phone"], "Please call in the afternoon."
        )
        self.answer_at(self.people["refused"], NOW - timedelta(days=4), [], "I get more mail than I can read.")
        self.answer_at(self.people["withdrawn"], NOW - timedelta(days=11), ["email", "sms"], "")
        with freeze_time(NOW - timedelta(days=1)):
            self.people["withdrawn"].with_user(self.salesperson).gdpr_withdraw_consent(
                source="phone", note="I have changed jobs."
            )
        self.answer_at(self.opportunity, NOW - timedelta(days=5), ["email", "post"], "A catalogue would be nice.")

    def save(self, page, name, **options):
        """Take a picture of the window."""
        page.mouse.move(0, 0)
        # What Odoo's own chat shows comes late: its greetings for a new user, and who is online.
        page.add_style_tag(content=".o-mail-MessagingMenu-counter, .o-mail-ImStatus { display: none !important }")
        self.settle(page)
        picture = page.screenshot(animations="disabled", caret="hide", **options)
        path = (self.description_folder if name in DESCRIPTION_IMAGES else self.folder) / f"{name}.png"
        if not (path.exists() and is_same_picture(path, picture)):
            path.write_bytes(picture)

    def save_phone(self, page, name):
        """Take a picture of a page on two phones: its beginning and its end."""
        page.set_viewport_size(PHONE)
        windows = []
        for place in ("0", "document.body.scrollHeight"):
            page.evaluate(f"window.scrollTo(0, {place})")
            self.settle(page)
            windows.append(base64.b64encode(page.screenshot(animations="disabled", caret="hide")).decode())
        images = "".join(f'<img src="data:image/png;base64,{window}">' for window in windows)
        style = (
            "body { margin: 0; padding: 24px; display: flex; gap: 32px; background: #f1eef0 }"
            "img { width: 390px; border: 10px solid #2b2b33; border-radius: 40px; background: white }"
        )
        phones = page.context.new_page()
        phones.set_viewport_size({"width": 2 * 410 + 32 + 48, "height": PHONE["height"] + 20 + 48})
        phones.set_content(f"<style>{style}</style><body>{images}</body>")
        self.save(phones, name)
        phones.close()

    def browse_as(self, user):
        return self.browse(user.login, clock=NOW, viewport=FORM)

    def open_tab(self, page, path):
        page.goto(path)
        page.get_by_role("tab", name="Data Privacy").click()

    def test_cards(self):
        self.tell_everything()
        paths = {
            f"contact_{state}": f"/odoo/contacts/{self.people[state].id}"
            for state in ("pending", "waiting", "obtained", "refused", "withdrawn")
        }
        paths["lead_obtained"] = f"/odoo/crm/{self.opportunity.id}"
        with self.browse_as(self.salesperson) as page:
            for name, path in paths.items():
                self.open_tab(page, path)
                self.save(page, name)
            self.open_tab(page, paths["contact_pending"])
            page.get_by_role("button", name="Send consent form").click()
            page.locator(".o_mail_composer_form .odoo-editor-editable").wait_for()
            self.save(page, "composer")
            page.goto(paths["contact_refused"])
            page.locator(".o-mail-Chatter-sendMessage").click()
            page.locator(".o-mail-Composer button[name=open-full-composer]").click()
            page.locator("[name=gdpr_denials_alert]").wait_for()
            self.save(page, "composer_refused")

    def test_officer(self):
        self.tell_everything()
        path = f"/odoo/contacts/{self.people['not_applicable'].id}"
        with self.browse_as(self.officer) as page:
            self.open_tab(page, path)
            self.save(page, "contact_not_applicable")
            self.open_tab(page, f"/odoo/contacts/{self.people['obtained'].id}")
            page.get_by_role("button", name="Same person as…").click()
            page.locator(".modal").get_by_text("On record").wait_for()
            self.save(page, "joining")
            page.goto("/odoo/privacy-ledger")
            page.locator(".o_data_row").first.wait_for()
            self.save(page, "ledger")
            page.set_viewport_size(LIST)
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

    def test_overview(self):
        self.tell_everything()
        self.people["waiting"]._gdpr_receive_request("access")
        with self.browse_as(self.officer) as page:
            for name, viewport in (("overview", {"width": 1440, "height": 1500}), ("overview_phone", PHONE)):
                page.set_viewport_size(viewport)
                page.goto("/odoo/data-privacy")
                page.locator("section canvas").first.wait_for()
                self.save(page, name)

    def test_manager(self):
        path = f"/odoo/privacy-forms/{self.form.id}"
        self.form.introduction = "<p>We would like to write to you now and then, only in the ways you choose.</p>"
        with self.browse(self.manager.login, clock=NOW, viewport=FORM, expected_errors=BLOCKED_BY_PAGE) as page:
            page.goto("/odoo/settings")
            page.locator(".settings_tab .tab[data-key=gdpr_consent]").click()
            page.get_by_text("Covered Records").wait_for()
            self.save(page, "settings")
            page.goto(path)
            page.get_by_role("button", name="Preview").wait_for()
            self.save(page, "form_designer")
            page.get_by_role("button", name="Publish", exact=True).click()
            page.get_by_text("This is a material change").wait_for()
            self.save(page, "form_publication")
            page.goto(f"/gdpr/preview/{self.form.id}")
            page.frame_locator("iframe").get_by_role("button", name="Refuse all").wait_for()
            self.save(page, "form_preview")

    def test_person(self):
        _request, token = self.ask_at(self.people["waiting"], NOW)
        body = self._mails[-1]["body"]
        with self.browse(clock=NOW, viewport={"width": 680, "height": 200}) as page:
            page.set_content(f"<body style='margin: 0'>{body}</body>")
            self.save(page, "mail", full_page=True)
        with self.browse(None, f"/gdpr/consent/{token}", clock=NOW, expected_errors=BLOCKED_BY_PAGE) as page:
            self.save(page, "page_desktop", full_page=True)
            self.save_phone(page, "page_phone")
            page.set_viewport_size(DESKTOP)
            page.get_by_label("News and offers").check()
            page.get_by_label("E-mail", exact=True).check()
            page.get_by_label("Phone", exact=True).check()
            page.get_by_role("button", name="Save my choices").click()
            page.get_by_role("heading", name="Thank you").wait_for()
            self.save(page, "thanks", full_page=True)
            page.get_by_role("link", name="your preferences").click()
            page.get_by_role("heading", name="Your privacy preferences").wait_for()
            self.save(page, "preferences", full_page=True)

    def test_person_in_italian(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.env["ir.module.module"]._load_module_terms(["gdpr_consent"], ["it_IT"])
        self.form.action_publish()
        self.people["waiting"].lang = "it_IT"
        _request, token = self.ask_at(self.people["waiting"], NOW)
        body = self._mails[-1]["body"]
        with self.browse(clock=NOW, viewport={"width": 680, "height": 200}) as page:
            page.set_content(f"<body style='margin: 0'>{body}</body>")
            self.save(page, "mail_italian", full_page=True)
        with self.browse(None, f"/gdpr/consent/{token}", clock=NOW, expected_errors=BLOCKED_BY_PAGE) as page:
            self.save(page, "page_italian", full_page=True)
            page.get_by_role("button", name="Rifiuta tutto").click()
            page.get_by_role("link", name="le Sue preferenze").click()
            page.get_by_role("heading", name="Le Sue preferenze sulla privacy").wait_for()
            self.save(page, "preferences_italian", full_page=True)

    # ------------------------------------------------------------
    # CAMPAIGNS
    # ------------------------------------------------------------

    def make_many(self, city, count):
        """Make contacts in a city whose basis is consent."""
        people = self.env["res.partner"].create(
            [
                {
                    "name": f"{FIRST_NAMES[number % 8]} {LAST_NAMES[number // 8]}",
                    "email": f"{FIRST_NAMES[number % 8]}.{LAST_NAMES[number // 8]}@{city}.example".lower(),
                    "city": city,
                    "lang": "en_US",
                }
                for number in range(count)
            ]
        )
        self.set_basis(people, NOW - timedelta(days=15))
        return people

    def run_campaign(self, name, city, moment, user=None):
        """Start a campaign at a moment in the past, and queue its people."""
        with freeze_time(moment):
            campaign = self.env["gdpr.consent.campaign"].with_user(user or self.officer)
            campaign = campaign.create({"name": name, "domain": repr([("city", "=", city)])})
            campaign.action_start()
            while campaign.sudo()._queue_safely() is not None:
                pass
        return campaign

    def send_at(self, requests, moment):
        with freeze_time(moment):
            requests.sudo()._issue_links_at_once()
            requests.sudo()._mark_sent({request.id: f"<{request.id}@alba.example>" for request in requests})

    def tell_of_campaigns(self):
        """One campaign of each kind: answered, running, to be started.

        :return: the running one, the draft and the answered one
        """
        self.make_many("Torino", 48)
        self.make_many("Milano", 40)
        drafted = self.make_many("Bologna", 30)
        answered = self.run_campaign("Customers in Torino", "Torino", NOW - timedelta(days=12), self.salesperson)
        *asked, failed = answered.request_ids
        failed.sudo()._mark_failed("550 5.1.1 No such mailbox here")
        self.send_at(failed.browse(request.id for request in asked), NOW - timedelta(days=12))
        chance = random.Random(11)
        for request in chance.sample(asked, 31):
            with freeze_time(NOW - timedelta(days=chance.choice((11, 11, 11, 10, 10, 9, 8, 7, 6, 4, 3)), hours=2)):
                choices = {self.marketing.id: ["email"]} if chance.random() < 0.7 else {}
                request.sudo()._answer(request._get_version(), "save", choices, {})
        answered.sudo()._close_finished()
        running = self.run_campaign("Visitors of the fair in Milano", "Milano", NOW - timedelta(hours=1))
        sent = running.request_ids[15:]
        self.send_at(sent, NOW - timedelta(minutes=40))
        sent[3].sudo()._mark_failed("550 5.1.1 No such mailbox here", action="bounced")
        for request, choices in zip(sent[5:9], ({self.marketing.id: ["email"]},) * 3 + ({},), strict=True):
            with freeze_time(NOW - timedelta(minutes=20)):
                request.sudo()._answer(request._get_version(), "save", choices, {})
        drafted[:3].email = False
        drafted[4].email = drafted[5].email
        drafted[6:11].gdpr_legal_basis = "contract"
        self.ask_at(drafted[12], NOW - timedelta(days=1))
        draft = self.env["gdpr.consent.campaign"].with_user(self.officer)
        draft = draft.create({"name": "Customers in Bologna", "domain": repr([("city", "=", "Bologna")])})
        with freeze_time(NOW):
            draft.action_check()
        return running, draft, answered

    def test_campaigns(self):
        running, draft, answered = self.tell_of_campaigns()
        path = "/odoo/privacy-campaigns"
        with self.browse_as(self.officer) as page:
            page.set_viewport_size(LIST)
            page.goto(path)
            page.locator(".o_data_row").first.wait_for()
            self.save(page, "campaign_list")
            page.set_viewport_size(FORM)
            page.goto(f"{path}/{draft.id}")
            page.locator("[name=exclusion_count_ids] .o_data_row").first.wait_for()
            self.save(page, "campaign_draft")
            page.get_by_role("button", name="Start", exact=True).click()
            page.locator(".modal").get_by_text("can't be taken back").wait_for()
            self.save(page, "campaign_start")
            page.goto(f"{path}/{running.id}")
            page.locator(".o_statusbar_buttons").get_by_role("button", name="Pause").wait_for()
            self.save(page, "campaign_running")
        # The chart grows to its size: not at a standstill.
        with self.browse(self.officer.login, f"{path}/{answered.id}", viewport=LIST) as page:
            page.locator(".oe_stat_button[name=action_show_answers]").click()
            page.locator(".o_graph_view canvas").wait_for()
            page.wait_for_timeout(2000)
            self.save(page, "campaign_answers")

    # ------------------------------------------------------------
    # THE DESK
    # ------------------------------------------------------------

    def tell_of_requests(self):
        """A request of most kinds, received on some days, for an officer to answer.

        :return: the request by its type
        """
        requests = {}
        with freeze_time(NOW), self.catch_mails():
            for request_type, key, days in (
                ("access", "obtained", 26),
                ("erasure", "refused", 9),
                ("restriction", "withdrawn", 4),
                ("portability", "waiting", 2),
                ("rectification", "contract", 1),
            ):
                person = self.people[key].with_user(self.officer)
                received_on = NOW.date() - timedelta(days=days)
                requests[request_type] = person._gdpr_receive_request(
                    request_type, received_on=received_on, user_id=self.officer.id
                )
        return requests

    def test_desk(self):
        self.tell_everything()
        requests = self.tell_of_requests()
        with freeze_time(NOW):
            self.people["obtained"].message_post(
                body="Luca Greco of her office says that she moves on 1 April.", message_type="comment"
            )
            requests["access"].action_start()
            requests["access"].action_prepare_answer()
            requests["erasure"].action_plan()
        path = "/odoo/privacy-requests"
        with self.browse_as(self.officer) as page:
            page.set_viewport_size(LIST)
            page.goto(path)
            page.locator(".o_data_row").first.wait_for()
            self.save(page, "desk")
            page.set_viewport_size(FORM)
            page.goto(f"{path}/{requests['access'].id}")
            page.locator(".o_statusbar_buttons").get_by_role("button").first.wait_for()
            self.save(page, "request_access")
            page.goto(f"{path}/{requests['erasure'].id}")
            page.get_by_role("tab", name="Plan").click()
            page.locator("[name=plan_line_ids] .o_data_row").first.wait_for()
            self.save(page, "erasure_plan")
            self.open_tab(page, f"/odoo/contacts/{self.people['withdrawn'].id}")
            self.save(page, "contact_suspended")

    def test_data_map(self):
        with self.browse_as(self.manager) as page:
            page.set_viewport_size(FORM)
            page.goto("/odoo/action-gdpr_consent.gdpr_data_map_action")
            for app in ("CRM", "Contacts"):
                page.locator(".o_group_header", has_text=app).click()
            page.locator(".o_data_row", has_text="Lead").first.wait_for()
            self.save(page, "data_map")

    def test_request_page(self):
        with self.browse(None, "/gdpr/request", clock=NOW, expected_errors=BLOCKED_BY_PAGE) as page:
            self.save(page, "request_page", full_page=True)

    def test_portal(self):
        person = self.people["obtained"]
        self.answer_at(person, NOW - timedelta(days=5), ["email", "phone"], "")
        new_test_user(
            self.env,
            "privacy_portal",
            "base.group_portal",
            partner_id=person.id,
            name=person.name,
            email=person.email,
        )
        # As far down as the web site's own footer.
        viewport = {"width": 1280, "height": 1200}
        with self.browse("privacy_portal", "/my/privacy", clock=NOW, viewport=viewport) as page:
            self.save(page, "portal")


def is_same_picture(path, picture):
    """Tell whether a picture shows what the file shows: a file that isn't changed isn't written.

    The edges of a rounded corner can come out a shade lighter or darker.
    """
    old, new = Image.open(path).convert("RGB"), Image.open(io.BytesIO(picture)).convert("RGB")
    if old.size != new.size:
        return False
    return max(brightest for _darkest, brightest in ImageChops.difference(old, new).getextrema()) <= SHADE
