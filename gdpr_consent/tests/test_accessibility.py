from axe_playwright_python.sync_playwright import Axe

from odoo.tests import new_test_user, tagged

from .browser import BLOCKED_BY_PAGE, DESKTOP, NARROW, PHONE, BrowserMixin
from .page_common import PageCase

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What the console says when a page is shown with one of these statuses.
STATUSES = ("status of 404", "status of 422")
LANGUAGES = ("en_US", "it_IT")
LOOK = (
    "backgroundColor",
    "borderColor",
    "borderRadius",
    "borderWidth",
    "color",
    "fontSize",
    "fontWeight",
    "padding",
    "textDecoration",
)


@tagged("post_install", "-at_install")
class TestAccessibility(BrowserMixin, PageCase):
    """The person's pages for everybody: WCAG 2.2 AA, keyboard, no scripts, narrow screens, no third parties."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.axe = Axe()
        # Activating a language alone leaves the pages in English.
        cls.env["res.lang"]._activate_lang("it_IT")
        cls.env["ir.module.module"]._load_module_terms(["gdpr_consent"], ["it_IT"])
        cls.publish_in_italian()

    def ask_in(self, lang):
        """Ask a new person who speaks this language; give the tokens of the two links."""
        # Who objected in one language isn't asked in the next.
        email = f"ada.neri.{lang.lower()}@example.com"
        person = self.env["res.partner"].create({"name": "Ada Neri", "email": email, "lang": lang})
        person.gdpr_legal_basis = "consent"
        return self.ask(person)[1:]

    def browse_pages(self, **options):
        return self.browse(expected_errors=BLOCKED_BY_PAGE + STATUSES, **options)

    def walk(self, page, consent, preferences):
        """Go through all pages of a person, stopping at each."""
        page.goto(f"/gdpr/consent/{consent}")
        yield "form"
        page.locator("input[name=channel]").first.check()
        page.locator("button[value=save]").click()
        page.locator("#o_gdpr_problems").wait_for()
        yield "form with errors"
        page.locator("input[name=purpose]").check()
        page.locator("button[value=save]").click()
        page.locator(".o_gdpr_record").wait_for()
        yield "thanks"
        page.goto(f"/gdpr/preferences/{preferences}")
        yield "preferences"
        page.locator(".o_gdpr_refusal button[value=withdraw]").click()
        page.locator(".alert-success").wait_for()
        yield "preferences after a withdrawal"
        page.goto("/gdpr/consent/unknown")
        yield "unusable link"

    def assertAccessible(self, page, context=None):
        # With its styles, as people see it.
        page.wait_for_load_state("load")
        results = self.axe.run(page, context=context, options={"runOnly": {"type": "tag", "values": TAGS}})
        self.assertEqual(results.violations_count, 0, f"{page.url}\n{results.generate_report()}")

    def test_every_page_in_every_language(self):
        texts = {}
        for lang in LANGUAGES:
            tokens = self.ask_in(lang)
            texts[lang] = {}
            with self.browse_pages(viewport=DESKTOP) as page:
                for name in self.walk(page, *tokens):
                    texts[lang][name] = page.locator("main h1").inner_text()
                    for viewport in (DESKTOP, PHONE):
                        with self.subTest(lang=lang, page=name, width=viewport["width"]):
                            page.set_viewport_size(viewport)
                            self.assertAccessible(page)
                    # Nobody knows whom that link was for.
                    if name != "unusable link":
                        self.assertEqual(page.locator("html").get_attribute("lang"), lang.replace("_", "-"))
        english, italian = (texts[lang] for lang in LANGUAGES)
        for name in english:
            if name != "unusable link":
                self.assertNotEqual(english[name], italian[name], f"The page “{name}” isn't in Italian.")

    def walk_rights(self, page, preferences, unsubscribe):
        """Go through the states of the preference centre and the unsubscribe page, stopping at each."""
        page.goto(f"/gdpr/preferences/{preferences}")
        page.locator("summary").first.click()
        yield "preferences with the words"
        page.locator(".o_gdpr_record button[value=channels]").click()
        page.locator(".o_gdpr_outcome").wait_for()
        yield "nothing changed"
        page.locator("button[value=request]").click()
        page.locator("#gdpr_missing_type").wait_for()
        yield "request without a type"
        page.locator("#gdpr_type_erasure").check()
        page.locator("button[value=request]").click()
        page.locator("button[name=confirmed][value=yes]").wait_for()
        yield "request to confirm"
        page.locator("button[name=confirmed][value=yes]").click()
        page.locator(".o_gdpr_requests").wait_for()
        yield "request received"
        page.goto(f"/gdpr/unsubscribe/{unsubscribe}")
        yield "unsubscribe"
        page.locator("button[value=purpose]").click()
        page.locator(".alert-success").wait_for()
        yield "unsubscribed"
        page.locator("button[value=all]").click()
        page.locator(".o_gdpr_objection").wait_for()
        yield "no marketing at all"
        page.goto(f"/gdpr/preferences/{preferences}")
        page.locator("button[value=fresh_link]").click()
        page.locator(".o_gdpr_outcome").wait_for()
        yield "fresh link"

    def test_rights(self):
        """The preference centre and the unsubscribe page, in all their states."""
        for lang in LANGUAGES:
            consent, preferences = self.ask_in(lang)
            unsubscribe = self._mails[-1]["headers"]["List-Unsubscribe"].strip("<>").rpartition("/")[2]
            self.answer(consent, "accept")
            with self.catch_mails(), self.browse_pages(viewport=PHONE) as page:
                for name in self.walk_rights(page, preferences, unsubscribe):
                    for viewport in (DESKTOP, NARROW):
                        with self.subTest(lang=lang, page=name, width=viewport["width"]):
                            page.set_viewport_size(viewport)
                            self.assertAccessible(page)
                            width = page.evaluate("document.documentElement.scrollWidth")
                            self.assertLessEqual(width, viewport["width"])
                    self.assertEqual(page.locator("html").get_attribute("lang"), lang.replace("_", "-"))

    def test_portal(self):
        self.partner.email = "anna.rossi@example.com"
        self.ask(self.partner)
        new_test_user(
            self.env,
            "privacy_portal",
            "base.group_portal",
            partner_id=self.partner.id,
            name=self.partner.name,
            email=self.partner.email,
        )
        for lang in LANGUAGES:
            self.partner.lang = lang
            for viewport in (DESKTOP, PHONE):
                with (
                    self.subTest(lang=lang, width=viewport["width"]),
                    self.browse("privacy_portal", "/my/privacy", viewport=viewport) as page,
                ):
                    # The rest is Odoo's own.
                    self.assertAccessible(page, "main .o_gdpr_column")

    def test_keyboard_alone(self):
        consent, _preferences = self.ask_in("en_US")
        with self.browse_pages(path=f"/gdpr/consent/{consent}") as page:
            self.tab_to(page, "input[name=purpose]")
            page.keyboard.press("Space")
            self.tab_to(page, "input[name=channel][value=phone]")
            page.keyboard.press("Space")
            self.tab_to(page, "textarea[name=note]")
            page.keyboard.type("In the evening, please.")
            self.tab_to(page, "button[value=save]")
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Thank you").wait_for()
            self.assertIn("By Phone.", page.locator(".o_gdpr_record").inner_text())

    def tab_to(self, page, selector):
        """Press Tab until the element has the focus, and shows it."""
        for _press in range(30):
            page.keyboard.press("Tab")
            focused = page.locator(":focus-visible")
            if focused.count() and focused.evaluate("(element, selector) => element.matches(selector)", selector):
                style = focused.evaluate(
                    "element => [getComputedStyle(element).outlineStyle, getComputedStyle(element).boxShadow]"
                )
                self.assertNotEqual(style, ["none", "none"], f"{selector} doesn't show that it has the focus.")
                return
        self.fail(f"{selector} can't be reached with the keyboard.")

    def test_without_scripts(self):
        consent, preferences = self.ask_in("en_US")
        with self.browse_pages(java_script_enabled=False) as page:
            names = list(self.walk(page, consent, preferences))
        self.assertEqual(len(names), 6)

    def test_narrow_screen(self):
        tokens = self.ask_in("it_IT")
        with self.browse_pages(viewport=NARROW) as page:
            for name in self.walk(page, *tokens):
                with self.subTest(page=name):
                    width = page.evaluate("document.documentElement.scrollWidth")
                    self.assertLessEqual(width, NARROW["width"])

    def test_answers_are_equals(self):
        consent, _preferences = self.ask_in("en_US")
        with self.browse_pages(path=f"/gdpr/consent/{consent}") as page:
            for viewport in (DESKTOP, PHONE):
                page.set_viewport_size(viewport)
                buttons = page.locator("button[name=answer]")
                self.assertEqual(buttons.count(), 3)
                boxes = [button.bounding_box() for button in buttons.all()]
                self.assertEqual(len({(round(box["width"]), round(box["height"])) for box in boxes}), 1, boxes)
                looks = [
                    button.evaluate("(element, names) => names.map((name) => getComputedStyle(element)[name])", LOOK)
                    for button in buttons.all()
                ]
                self.assertEqual(looks[0], looks[1])
                self.assertEqual(looks[0], looks[2])

    def test_confirmation(self):
        """The page of what somebody typed: accessible at every width, both answers equal, no script needed."""
        with self.catch_mails():
            self.partner.gdpr_record_consent("marketing", ["email"], "api", evidence="Sign-up", note="Bikes only")
        token = self.find_token(self._mails[-1]["body"], "consent")
        with self.browse_pages(path=f"/gdpr/consent/{token}") as page:
            for viewport in (DESKTOP, PHONE, NARROW):
                page.set_viewport_size(viewport)
                self.assertAccessible(page)
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), viewport["width"])
                buttons = page.locator("button[name=answer]").all()
                looks = [
                    button.evaluate("(element, names) => names.map((name) => getComputedStyle(element)[name])", LOOK)
                    for button in buttons
                ]
                self.assertEqual(len(looks), 3)
                self.assertEqual(looks[0], looks[1])
                self.assertEqual(len({round(button.bounding_box()["width"]) for button in buttons}), 1)
        with self.browse_pages(path=f"/gdpr/consent/{token}", java_script_enabled=False) as page:
            page.get_by_role("button", name="Yes, I confirm").click()
            page.get_by_role("heading", name="Thank you").wait_for()
            self.assertIn("By E-mail.", page.locator(".o_gdpr_record").inner_text())

    def test_nothing_is_ticked_beforehand(self):
        consent, _preferences = self.ask_in("en_US")
        with self.browse_pages(path=f"/gdpr/consent/{consent}") as page:
            self.assertEqual(page.locator("input[type=checkbox]").count(), 5)
            self.assertEqual(page.locator("input:checked").count(), 0)
            self.assertEqual(page.get_by_role("textbox").input_value(), "")

    def test_no_third_parties(self):
        tokens = self.ask_in("en_US")
        with self.browse_pages() as page:
            for _name in self.walk(page, *tokens):
                self.settle(page)
            self.assertEqual(self.foreign_requests, [])
            self.assertEqual(page.locator("script").count(), 0)
