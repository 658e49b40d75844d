"""The job for new records asks each person once, whatever is killed meanwhile; real processes all of them."""

import contextlib
import subprocess
import time

from tools.tests.real_servers import OdooServer, run_shell, wait_until

# Two batches of the job.
PEOPLE = 400
START = """
env.company.email = "info@example.com"
form = env.ref("gdpr_consent.default_form")
form.version_number or form._publish()
scope = env.ref("gdpr_consent.scope_contact")
scope.ask_new = True
scope.ask_new_since = "2020-01-01 00:00:00"
stamp = "%(stamp)s"
people = env["res.partner"].create(
    [{"name": f"Person {n}", "email": f"person{n}.{stamp}@example.com"} for n in range(%(people)s)]
)
people.gdpr_set_legal_basis("consent")
env.flush_all()
# As if they had been made two hours ago.
env.cr.execute("UPDATE res_partner SET write_date = write_date - interval '2 hours' WHERE id = ANY(%%s)", [people.ids])
env.cr.execute(
    "UPDATE gdpr_new_record SET created_on = created_on - interval '2 hours', due_on = due_on - interval '2 hours'"
    " WHERE res_id = ANY(%%s)", [people.ids])
env.cr.commit()
"""
VERIFY = 'print("FAULTS", env["gdpr.subject"]._verify_ledger())'


class NewRecords:
    """Contacts of the test's own whom the job is to ask, and what became of them."""

    def __init__(self, database, mail):
        self.database, self.mail = database, mail
        self.name = f"n{time.time_ns()}"
        run_shell(database, START % {"stamp": self.name, "people": PEOPLE})

    def states(self):
        """Give how many requests are in each state."""
        rows = self.database.query(
            f"SELECT state, count(*) FROM gdpr_consent_request WHERE email LIKE '%{self.name}%' GROUP BY state"
        )
        return {state: int(count) for state, count in rows}

    def wait_until_at_work(self, asked):
        """Wait until the job has asked so many and has others in its hands."""
        free = "SELECT 1 FROM gdpr_new_record FOR UPDATE SKIP LOCKED"
        left = "SELECT 1 FROM gdpr_new_record"

        def is_at_work():
            self.database.wake("ir_cron_ask_new_records")
            if sum(self.states().values()) < asked:
                return False
            return len(self.database.query(free)) < len(self.database.query(left))

        wait_until(is_at_work, what=f"asking more than {asked}")

    def wait_for_mails(self, count):
        """Wait until so many people got theirs."""
        self._wait_until(lambda: len(self.mail.received) >= count, f"sending {count} mails")

    def wait_until_done(self):
        """Wait for the end."""
        left = "SELECT 1 FROM gdpr_new_record"
        self._wait_until(
            lambda: not self.database.query(left) and not self.states().get("queued"), "asking all new records"
        )

    def _wait_until(self, holds, what):
        def is_so():
            with contextlib.suppress(subprocess.CalledProcessError):
                self.database.wake("ir_cron_ask_new_records")
                self.database.wake("ir_cron_mail_scheduler_action", "mail")
                time.sleep(0.5)
                return holds()

        wait_until(is_so, what=what)

    def check(self, most_in_doubt):
        """Nobody was asked twice, nobody was forgotten, the counts add up, the ledger is sound."""
        states = self.states()
        assert sum(states.values()) == PEOPLE, states
        assert set(states) <= {"sent", "failed"}, states
        assert states.get("failed", 0) <= most_in_doubt, states
        received = {address: times for address, times in self.mail.received.items() if self.name in address}
        assert set(received.values()) == {1}, [address for address, times in received.items() if times > 1]
        rows = self.database.query(
            "SELECT request.email, request.state, request.is_in_doubt, count(event.id)"
            "  FROM gdpr_consent_request request"
            "  LEFT JOIN gdpr_consent_event event ON event.request_id = request.id AND event.action = 'asked'"
            f" WHERE request.email LIKE '%{self.name}%' GROUP BY request.id"
        )
        assert len({row[0] for row in rows}) == PEOPLE
        for email, state, is_in_doubt, asked in rows:
            if state == "sent":
                assert email in received, f"{email} is on record as asked but got nothing"
                assert asked == "1", f"{email} has {asked} events"
            else:
                # A human is told that this one may have arrived or not.
                assert is_in_doubt == "t"
                assert asked == "0"
        assert not self.database.query("SELECT 1 FROM gdpr_new_record")
        assert not self.database.query("SELECT 1 FROM gdpr_consent_delivery")
        assert not self.database.query("SELECT 1 FROM mail_mail WHERE state = 'outgoing'")
        assert "FAULTS []" in run_shell(self.database, VERIFY)


def test_odoo_is_killed(database, mail):
    """While it looks at the first of them, at later ones, and while it sends."""
    new = NewRecords(database, mail)
    for asked in (0, 1):
        odoo = OdooServer(database, mail)
        new.wait_until_at_work(asked)
        odoo.kill()
        # A batch is done or it isn't.
        assert sum(new.states().values()) == 200 * asked
    for mails in (20, 40):
        mail.goes_silent_at = mails
        odoo = OdooServer(database, mail)
        new.wait_for_mails(mails)
        time.sleep(1)
        odoo.kill()
    odoo = OdooServer(database, mail)
    try:
        new.wait_until_done()
    finally:
        odoo.stop()
    new.check(most_in_doubt=2)


def test_two_servers_and_one_is_killed(database, mail):
    new = NewRecords(database, mail)
    servers = [OdooServer(database, mail), OdooServer(database, mail)]
    try:
        new.wait_for_mails(20)
        servers[0].kill()
        new.wait_until_done()
    finally:
        servers[1].stop()
    new.check(most_in_doubt=1)
