import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import urljoin, urlsplit

import requests
from lxml import html

from odoo import SUPERUSER_ID, api, fields
from odoo.service.model import retrying
from odoo.tests import HttpCase, freeze_time, tagged
from odoo.tools import mute_logger

from ..models.gdpr_blacklist_mixin import SILENT
from ..tools.server_context import SERVER, RequestOptions

# How long an act keeps its transaction open, so that the other one runs into it.
OVERLAP = 0.3


@tagged("post_install", "-at_install")
class TestConcurrency(HttpCase):
    """Two acts at the same moment, in real transactions that are committed."""

    registry_test_mode = False

    def setUp(self):
        super().setUp()
        # Odoo waits up to two seconds before it tries again.
        self.startPatcher(patch("odoo.service.model.random.uniform", lambda _low, _high: 0.01))
        self.enterContext(mute_logger("odoo.sql_db", "odoo.http", "odoo.service.model"))
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            partner = env["res.partner"].create({"name": "Carla Verdi", "email": "carla.verdi@example.com"})
            partner.gdpr_legal_basis = "consent"
            self.partner_id = partner.id
            self.subject_id = partner.gdpr_subject_id.id
            self.subject_ids = [self.subject_id]
            self.partner_ids = [self.partner_id]
            self.marketing_id = env.ref("gdpr_consent.purpose_marketing").id
        self.addCleanup(self.clean_up)
        self.request_id, _grant, _preferences = self.ask()

    def clean_up(self):
        """Remove what was committed, the ledger's events too: past its trigger, which only its owner can do."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            cr.execute("ALTER TABLE gdpr_consent_event DISABLE TRIGGER USER")
            cr.execute("DELETE FROM gdpr_consent WHERE subject_id = ANY(%s)", [self.subject_ids])
            cr.execute("DELETE FROM gdpr_consent_event WHERE subject_id = ANY(%s)", [self.subject_ids])
            cr.execute("ALTER TABLE gdpr_consent_event ENABLE TRIGGER USER")
            env["gdpr.consent.request"].search([("subject_id", "in", self.subject_ids)]).mail_mail_ids.unlink()
            env["gdpr.subject.request"].search([("subject_id", "in", self.subject_ids)]).unlink()
            env["mail.mail"].search([("model", "=", "gdpr.subject.request.declaration")]).unlink()
            env["gdpr.subject.request.declaration"].search([("email", "=", "carla.verdi@example.com")]).unlink()
            env["gdpr.link"].search([("kind", "=", "request"), ("email", "=", "carla.verdi@example.com")]).unlink()
            env["res.partner"].browse(self.partner_ids).unlink()
            env.flush_all()
            cr.execute("DELETE FROM gdpr_subject WHERE id = ANY(%s)", [self.subject_ids])
            cr.execute("DELETE FROM gdpr_rate_limit")

    def ask(self):
        """Ask as if the mail had left.

        :return: the id of the request and the two tokens
        """
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            # As the person asks for it: some said no a moment ago.
            partner = env["res.partner"].browse(self.partner_id)
            request = partner.with_context(
                gdpr_request_options=RequestOptions(kind="fresh_link")
            ).gdpr_request_consent()
            tokens = request._issue_links()
            request._mark_sent({request.id: "<sent@example.com>"})
            return request.id, tokens["grant"], tokens["preferences"]

    def run_together(self, *acts):
        """Run acts in transactions of their own that begin together and overlap, tried again as Odoo does.

        :return: how often each was tried
        """
        begun = threading.Barrier(len(acts))

        def run(act):
            tries = 0

            def attempt():
                nonlocal tries
                tries += 1
                env.cr.execute("SELECT 1 FROM gdpr_subject LIMIT 1")
                if tries == 1:
                    begun.wait(10)
                act(env)
                env.flush_all()
                time.sleep(OVERLAP)

            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                retrying(attempt, env)
            return tries

        with ThreadPoolExecutor(len(acts)) as pool:
            return [future.result(30) for future in [pool.submit(run, act) for act in acts]]

    def give(self, *channels):
        """Give the act of answering yes by the link, with these channels."""

        def act(env):
            request = env["gdpr.consent.request"].browse(self.request_id)
            request._answer(request._get_version(), "save", {self.marketing_id: list(channels)}, {})

        return act

    def refuse(self, env):
        request = env["gdpr.consent.request"].browse(self.request_id)
        request._answer(request._get_version(), "refuse", {}, {})

    def withdraw(self, env):
        env["gdpr.subject"].browse(self.subject_id)._record_withdrawal(source="email", actor="person")

    def read_state(self):
        """Give the state, the channels given and the answers in the history, and check that the ledger is sound."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            subject = env["gdpr.subject"].browse(self.subject_id)
            self.assertEqual(subject._verify_ledger(), [])
            actions = subject.event_ids.sorted("sequence").mapped("action")
            given = subject.consent_ids.filtered(lambda consent: consent.state == "given")
            return subject.consent_state, set(given.channel_ids.mapped("code")), actions[actions.index("asked") + 1 :]

    def test_grant_and_withdrawal(self):
        """Whichever comes first, the withdrawal wins."""
        self.run_together(self.give("email"), self.withdraw)
        state, channels, actions = self.read_state()
        self.assertEqual((state, channels), ("withdrawn", set()))
        self.assertIn(actions, (["given", "withdrawn"], ["withdrawn", "late_answer"]))

    def test_two_answers(self):
        """One counts, the other is noted."""
        self.run_together(self.give("email"), self.give("phone", "sms"))
        state, channels, actions = self.read_state()
        self.assertEqual(state, "obtained")
        self.assertIn(channels, ({"email"}, {"phone", "sms"}))
        self.assertEqual(actions, ["given", "late_answer"])

    def test_yes_and_no(self):
        """Whichever comes first, the no wins."""
        self.run_together(self.give("email"), self.refuse)
        state, channels, actions = self.read_state()
        self.assertIn(
            (state, actions), (("withdrawn", ["given", "withdrawn"]), ("refused", ["refused", "late_answer"]))
        )
        self.assertEqual(channels, set())

    def test_double_click(self):
        self.run_together(*[self.give("email")] * 3)
        self.assertEqual(self.read_state(), ("obtained", {"email"}, ["given"]))

    def test_double_withdrawal(self):
        self.run_together(self.give("email"))
        self.run_together(*[self.withdraw] * 3)
        self.assertEqual(self.read_state(), ("withdrawn", set(), ["given", "withdrawn"]))

    def test_same_request_twice(self):
        """Two tabs that ask the same at once: one data-subject request."""

        def ask(env):
            env["gdpr.subject.request"]._receive(env["gdpr.subject"].browse(self.subject_id), "access")

        self.run_together(*[ask] * 3)
        self.assertEqual(self.read_state()[2], ["requested"])
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            self.assertEqual(env["gdpr.subject.request"].search_count([("subject_id", "=", self.subject_id)]), 1)

    def test_declaration_confirmed_twice(self):
        """A double click on the button behind the link in the mailbox: one data-subject request."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            values = {"email": "carla.verdi@example.com", "type": "access", "lang": "en_US"}
            declaration = env["gdpr.subject.request.declaration"].create({**values, "company_id": env.company.id})

        def confirm(env):
            env[declaration._name].browse(declaration.id)._confirm()

        self.run_together(*[confirm] * 3)
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            request = env["gdpr.subject.request"].search([("email", "=", "carla.verdi@example.com")])
            self.assertEqual(request.subject_id.id, self.subject_id)

    def test_link_to_confirm_leaves_once(self):
        """The page and the mail queue send the same message: one copy leaves, and the link in it stands."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            values = {"email": "carla.verdi@example.com", "type": "access", "lang": "en_US"}
            declaration = env["gdpr.subject.request.declaration"].create({**values, "company_id": env.company.id})
            template = env.ref("gdpr_consent.mail_template_subject_request_declared")
            mail = template.send_mail_batch(declaration.ids, email_values={"auto_delete": False})
        left = []

        def take(_server, message, **_options):
            left.append(message.get_body(("html",)).get_content())
            return "<taken@example.com>"

        servers = type(self.env["ir.mail_server"])
        self.startPatcher(patch.object(servers, "_disable_send", lambda _server: False))
        self.startPatcher(patch.object(servers, "_connect__", lambda _server, **_options: None))
        self.startPatcher(patch.object(servers, "send_email", take))
        self.run_together(*[lambda env: env["mail.mail"].browse(mail.id).send()] * 2)
        self.assertEqual(len(left), 1)
        link = next(url for url in html.fromstring(left[0]).xpath("//a/@href") if "/gdpr/request/" in url)
        self.assertEqual(requests.get(urljoin(self.base_url(), urlsplit(link).path), timeout=30).status_code, 200)

    def test_acts_of_several_operators(self):
        """Acts on one person follow each other in one chain."""

        def record(action):
            return lambda env: env["gdpr.subject"]._record_acts([{"subject_id": self.subject_id, "action": action}])

        self.run_together(record("restricted"), record("no_response"), self.give("email"))
        state, channels, actions = self.read_state()
        self.assertEqual(sorted(actions), ["given", "no_response", "restricted"])
        self.assertEqual((state, channels), ("obtained", {"email"}))

    def test_answer_while_asked_again(self):
        """The answer isn't lost: it counts, or is noted where the new question came first."""

        def ask_again(env):
            request = env["res.partner"].browse(self.partner_id).gdpr_request_consent()
            request._issue_links()
            request._mark_sent({request.id: "<again@example.com>"})

        self.run_together(self.give("email"), ask_again)
        _state, _channels, actions = self.read_state()
        self.assertIn(actions, (["given", "asked"], ["asked", "late_answer"]))

    def test_life_cycle_jobs(self):
        """Two workers at once write to nobody twice."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            request = env["gdpr.consent.request"].browse(self.request_id)
            request.kind = "first"
            company = request.company_id
            settings = {name: company[name] for name in ("gdpr_reminder_count", "gdpr_reminder_days")}
            self.addCleanup(self.write_settings, company.id, settings)
            company.write({"gdpr_reminder_count": 1, "gdpr_reminder_days": 1})

        def run_job(env):
            env["gdpr.subject"]._cron_life_cycle()

        self.startPatcher(patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0))
        with freeze_time(fields.Datetime.now() + timedelta(days=2)):
            self.run_together(*[run_job] * 3)
        with self.registry.cursor() as cr:
            requests = api.Environment(cr, SUPERUSER_ID, {})["gdpr.subject"].browse(self.subject_id).request_ids
            self.assertEqual(sorted(requests.mapped("kind")), ["first", "reminder"])

    def test_new_record_jobs(self):
        """Of two workers at once, after one that was killed, nobody is asked twice and nobody is forgotten."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            scope = env.ref("gdpr_consent.scope_contact")
            self.addCleanup(self.switch_asking, scope.id, scope.ask_new)
            scope.ask_new = True
            people = env["res.partner"].create(
                [{"name": f"New {n}", "email": f"new{n}@example.com", "gdpr_legal_basis": "consent"} for n in range(3)]
            )
            self.partner_ids += people.ids
            self.subject_ids += people.gdpr_subject_id.ids

        def run_job(env):
            env["gdpr.new.record"]._cron_ask()

        self.startPatcher(patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0))
        with freeze_time(fields.Datetime.now() + timedelta(hours=2)):
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                run_job(env)
                self.assertEqual(len(env["res.partner"].browse(people.ids).gdpr_subject_id.request_ids), 3)
                # As when it is killed before the batch is written.
                cr.rollback()
            self.run_together(*[run_job] * 3)
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            requests = env["res.partner"].browse(people.ids).gdpr_subject_id.request_ids
            self.assertEqual(sorted(requests.mapped("email")), [f"new{n}@example.com" for n in range(3)])
            self.assertFalse(env["gdpr.new.record"].search([("res_id", "in", people.ids)]))

    def switch_asking(self, scope_id, is_on):
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["gdpr.scope"].browse(scope_id).ask_new = is_on

    def write_settings(self, company_id, settings):
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["res.company"].browse(company_id).write(settings)

    def make_twin(self):
        """Make another record of the person, with a history of its own."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            twin = env["res.partner"].create({"name": "C. Verdi"})
            twin.gdpr_legal_basis = "consent"
            self.partner_ids.append(twin.id)
            self.subject_ids.append(twin.gdpr_subject_id.id)

    def test_joined_while_the_person_answers(self):
        """The answer counts for the person both records are, whichever comes first."""
        self.make_twin()

        def join(env):
            twin, known = (env["gdpr.subject"].browse(subject_id) for subject_id in reversed(self.subject_ids))
            twin._join(known, "The same person")

        for act, state in ((self.give("email"), "obtained"), (self.withdraw, "withdrawn")):
            with self.subTest(state=state):
                self.run_together(act, join)
                with self.registry.cursor() as cr:
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    cards = env["res.partner"].browse(self.partner_ids)
                    self.assertEqual(cards.mapped("gdpr_consent_state"), [state, state])
                    self.assertEqual(env["gdpr.subject"].browse(self.subject_ids)._verify_ledger(), [])

    def test_joined_by_two_users(self):
        """Both ways at once: one join, no circle."""
        self.make_twin()

        def join(first, second):
            return lambda env: env["gdpr.subject"].browse(first)._join(env["gdpr.subject"].browse(second), "The same")

        self.run_together(join(*self.subject_ids), join(*reversed(self.subject_ids)))
        with self.registry.cursor() as cr:
            subjects = api.Environment(cr, SUPERUSER_ID, {})["gdpr.subject"].browse(self.subject_ids)
            self.assertEqual(len(subjects.root_id), 1)
            self.assertEqual(sorted(subjects.event_ids.mapped("action")).count("joined"), 1)
            self.assertEqual(subjects._verify_ledger(), [])

    def test_uses_of_one_link(self):
        """Many uses of one link at once are all counted."""

        def count(env):
            with self.registry.cursor() as cr:
                return api.Environment(cr, SUPERUSER_ID, {})["gdpr.rate.limit"]._hit("link", "same", 1000)

        self.run_together(*[count] * 6)
        with self.registry.cursor() as cr:
            cr.execute("SELECT max(hits) FROM gdpr_rate_limit")
            self.assertEqual(cr.fetchone(), (6,))

    def test_uses_wait_for_no_disk(self):
        """The counts live in a table whose changes aren't logged."""
        with self.registry.cursor() as cr:
            cr.execute("SELECT relpersistence FROM pg_class WHERE relname = 'gdpr_rate_limit'")
            self.assertEqual(cr.fetchone(), ("u",))

    def press(self, path, button):
        """Open a page like a browser of its own.

        :return: a function that presses a button of the page
        """
        session = requests.Session()
        page = session.get(self.base_url() + path, timeout=30)
        # The last one is about all that is on record.
        form = html.fromstring(page.content).xpath(f"//form[.//button[@value='{button}']]")[-1]
        address = urljoin(page.url, form.get("action"))
        return lambda: session.post(address, data=form.form_values() + [("answer", button)], timeout=30)

    def test_pages(self):
        """The same over HTTP: every browser gets an answer, whoever was first."""
        for buttons, state in (
            ((("consent", "accept"), ("preferences", "withdraw")), "withdrawn"),
            ((("consent", "accept"), ("consent", "accept")), "obtained"),
            ((("consent", "accept"), ("consent", "refuse"), ("preferences", "withdraw")), None),
        ):
            with self.subTest(buttons=buttons):
                self.request_id, grant, preferences = self.ask()
                tokens = {"consent": grant, "preferences": preferences}
                presses = [self.press(f"/gdpr/{page}/{tokens[page]}", button) for page, button in buttons]
                with ThreadPoolExecutor(len(presses)) as pool:
                    answers = list(pool.map(lambda press: press(), presses))
                self.assertEqual([answer.status_code for answer in answers], [200] * len(answers))
                found, channels, _actions = self.read_state()
                if state:
                    self.assertEqual(found, state)
                else:
                    self.assertIn(found, ("withdrawn", "refused"))
                    self.assertEqual(channels, set())

    def test_two_persons_at_one_address_object(self):
        """Both put the same address on the blacklist: none of the two objections is lost."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            other = env["res.partner"].create({"name": "Dora Verdi", "email": "carla.verdi@example.com"})
            other.gdpr_legal_basis = "consent"
            subject_ids = [self.subject_id, other.gdpr_subject_id.id]
            self.partner_ids.append(other.id)
            self.subject_ids.append(other.gdpr_subject_id.id)
        self.addCleanup(self.empty_blacklist)
        tries = self.run_together(
            *(
                lambda env, subject_id=subject_id: env["gdpr.subject"].browse(subject_id)._record_objection()
                for subject_id in subject_ids
            )
        )
        self.assertEqual(sorted(tries), [1, 2])
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            self.assertEqual(env["gdpr.subject"].browse(subject_ids).mapped("objected"), [True, True])
            self.assertEqual(env["mail.blacklist"].search_count([("email", "=", "carla.verdi@example.com")]), 1)

    def empty_blacklist(self):
        with self.registry.cursor() as cr:
            # What an objection put there can't be taken off otherwise.
            env = api.Environment(cr, SUPERUSER_ID, {SILENT: SERVER})
            env["mail.blacklist"].search([("email", "=", "carla.verdi@example.com")]).unlink()
