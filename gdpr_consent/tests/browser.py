import os
import resource
import shutil
import time
from contextlib import ExitStack, contextmanager
from unittest.mock import patch
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from odoo.fields import Datetime
from odoo.tests.common import HOST, TEST_CURSOR_COOKIE_NAME
from odoo.tests.test_cursor import TestCursor

from odoo.addons.bus.websocket import CloseCode, WebsocketConnectionHandler, _kick_all

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Text looks the same on every machine with the same fonts.
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    # Nothing leaves the machine, whatever a page asks for.
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
)
# The web site's style asks Google for a font; the pages' own policy refuses, and the browser says so.
BLOCKED_BY_PAGE = ("https://fonts.googleapis.com/",)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}


@contextmanager
def without_memory_limit():
    """Start programs without the limit that Odoo sets itself: Chromium reserves far more than it uses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def close_websockets():
    """Close what the browser has left open. One that is just closing can't be told any more: then once again."""
    for attempts_left in reversed(range(20)):
        try:
            _kick_all(CloseCode.KILL_NOW)
            return
        except OSError:
            if not attempts_left:
                raise
            time.sleep(0.1)


class BrowserMixin:
    """Drive Chromium with Playwright, for what a tour can't: pages without scripts, pictures, widths.

    For an ``HttpCase``: the browser sees what the test's transaction has written.
    """

    chromium = None

    @classmethod
    def _launch_chromium(cls):
        if not cls.chromium:
            executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
            if not executable:
                raise FileNotFoundError("No Chromium: install it, or name it in the environment variable CHROMIUM.")
            with without_memory_limit():
                playwright = sync_playwright().start()
            cls.addClassCleanup(playwright.stop)
            cls.chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            cls.addClassCleanup(cls.chromium.close)
            cls.addClassCleanup(setattr, cls, "chromium", None)
        return cls.chromium

    @contextmanager
    def browse(self, login=None, path=None, clock=None, expected_errors=(), **options):
        """Give a page of a new browser window; a console error that nobody expected fails the test at the end.

        The test's own cursor must not be used meanwhile: the server is using it.

        :param str login: who is logged in, default nobody
        :param str path: what to open at once
        :param datetime clock: what the browser and Odoo's fields take for now, default the real time
        :param expected_errors: parts of the console errors that may come
        :param options: of Playwright's ``Browser.new_context``
        """
        errors = []
        chromium = self._launch_chromium()
        # The server reads the test's transaction past the test's cache.
        self.cr.flush()
        self.cr.clear()
        with ExitStack() as stack:
            stack.enter_context(self.allow_requests())
            if clock:
                stack.enter_context(patch.object(Datetime, "now", lambda *_args: clock))
                stack.enter_context(patch.object(TestCursor, "now", lambda _cursor: clock))
            stack.enter_context(patch.object(WebsocketConnectionHandler, "websocket_allowed", return_value=True))
            # A request that is still running would find the test's cursor closed.
            stack.callback(self._wait_remaining_requests)
            stack.callback(close_websockets)
            session = self.authenticate(login, login)
            context = chromium.new_context(
                **{
                    "base_url": self.base_url(),
                    "viewport": DESKTOP,
                    "locale": "en-US",
                    "timezone_id": "Europe/Rome",
                    "reduced_motion": "reduce",
                    **options,
                }
            )
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            cookies = {"session_id": session.sid, TEST_CURSOR_COOKIE_NAME: self.http_request_key}
            context.add_cookies(
                [{"name": name, "value": value, "url": self.base_url()} for name, value in cookies.items()]
            )
            if clock:
                context.clock.set_fixed_time(clock)
            # Odoo's own pages: an empty answer, as Odoo's own browser tests give.
            context.route(
                "https://fonts.googleapis.com/**", lambda route: route.fulfill(body="", content_type="text/css")
            )
            self.foreign_requests = []
            self.running_requests = set()
            context.on("request", self._note_request)
            context.on("requestfinished", lambda request: self.running_requests.discard(request))
            context.on("requestfailed", self._note_failed_request)
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: message.type == "error" and errors.append(message.text))
            if path:
                page.goto(path)
            yield page
        unexpected = [error for error in errors if not any(expected in error for expected in expected_errors)]
        self.assertEqual(unexpected, [], "The browser's console has errors.")

    def _note_request(self, request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != HOST:
            self.foreign_requests.append(request.url)
        # The worker of the bus never tells that it has its script.
        if not parts.path.startswith("/bus/"):
            self.running_requests.add(request)

    def _note_failed_request(self, request):
        self.running_requests.discard(request)
        # What the page's own policy stops never leaves the browser.
        if request.failure == "csp" and request.url in self.foreign_requests:
            self.foreign_requests.remove(request.url)

    def settle(self, page, quiet_ms=300):
        """Wait until the page has had no request for a moment."""
        deadline = time.monotonic() + 20
        calm_since = time.monotonic()
        while time.monotonic() - calm_since < quiet_ms / 1000:
            page.wait_for_timeout(50)
            if self.running_requests:
                calm_since = time.monotonic()
            if time.monotonic() > deadline:
                self.fail(f"Still waiting for {[request.url for request in self.running_requests]}.")
