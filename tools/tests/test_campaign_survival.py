"""A campaign asks each person once, whatever is killed or goes away meanwhile; real processes all of them."""

import contextlib
import subprocess
import time

from tools.tests.real_servers import OdooServer, run_shell, wait_until

PEOPLE = 240

START = """
env.company.email = "info@example.com"
form = env.ref("gdpr_consent.default_form")
form.version_number or form._publish()
stamp = "%(stamp)s"
people = env["res.partner"].create(
    [{"name": f"Person {n}", "email": f"person{n}.{stamp}@example.com"} for n in range(%(people)s)]
)
people.gdpr_set_legal_basis("consent")
env["gdpr.consent.campaign"].create({"name": stamp, "domain": [("email", "like", stamp)]}).action_start()
env.cr.commit()
"""
VERIFY = 'print("FAULTS", env["gdpr.subject"]._verify_ledger())'


class Campaign:
    """A campaign of the test's own, and what became of it."""

    def __init__(self, database, mail):
        self.database, self.mail = database, mail
        self.name = f"c{time.time_ns()}"
        run_shell(database, START % {"stamp": self.name, "people": PEOPLE})

    def states(self):
        """Give how many requests are in each state."""
        rows = self.database.query(
            "SELECT request.state, count(*) FROM gdpr_consent_request request"
            " JOIN gdpr_consent_campaign campaign ON campaign.id = request.campaign_id"
            f" WHERE campaign.name = '{self.name}' GROUP BY request.state"
        )
        return {state: int(count) for state, count in rows}

    def wait_for_mails(self, count):
        """Wait until so many people got theirs."""
        self._wait_until(lambda: len(self.mail.received) >= count, f"sending {count} mails")

    def wait_until_done(self):
        """Wait for the end."""
        state = f"SELECT state FROM gdpr_consent_campaign WHERE name = '{self.name}'"
        self._wait_until(lambda: self.database.query(state) == [["done"]], "finishing the campaign")

    def _wait_until(self, holds, what):
        """Call the scheduled actions each second, which would come by themselves in minutes."""

        def is_so():
            # The database may be down.
            with contextlib.suppress(subprocess.CalledProcessError):
                self.database.wake("ir_cron_campaign%")
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
            "SELECT request.email, request.state, request.failure_reason, count(event.id)"
            "  FROM gdpr_consent_request request"
            "  LEFT JOIN gdpr_consent_event event ON event.request_id = request.id AND event.action = 'asked'"
            f" WHERE request.email LIKE '%{self.name}%' GROUP BY request.id"
        )
        assert len(rows) == PEOPLE
        for email, state, reason, asked in rows:
            if state == "sent":
                assert email in received, f"{email} is on record as asked but got nothing"
                assert asked == "1", f"{email} has {asked} events"
            else:
                # A human is told that this one may have arrived or not.
                assert "interrupted" in reason, reason
                assert asked == "0"
        assert not self.database.query("SELECT 1 FROM gdpr_consent_delivery")
        assert "FAULTS []" in run_shell(self.database, VERIFY)


def test_odoo_is_killed(database, mail):
    campaign = Campaign(database, mail)
    for mails in (40, 120):
        odoo = OdooServer(database, mail)
        campaign.wait_for_mails(mails)
        odoo.kill()
    odoo = OdooServer(database, mail)
    try:
        campaign.wait_until_done()
    finally:
        odoo.stop()
    # At most one message is being handed over by each sender when it is killed.
    campaign.check(most_in_doubt=4)


def test_two_servers_and_one_is_killed(database, mail):
    campaign = Campaign(database, mail)
    servers = [OdooServer(database, mail), OdooServer(database, mail)]
    try:
        campaign.wait_for_mails(60)
        servers[0].kill()
        campaign.wait_until_done()
    finally:
        servers[1].stop()
    campaign.check(most_in_doubt=2)


def test_database_crashes(database, mail):
    campaign = Campaign(database, mail)
    odoo = OdooServer(database, mail)
    try:
        campaign.wait_for_mails(60)
        database.crash()
        # Odoo can't be without it; a service manager starts it again.
        wait_until(odoo.has_ended, what="Odoo's end")
        database.start()
        odoo.start()
        campaign.wait_until_done()
    finally:
        odoo.stop()
    campaign.check(most_in_doubt=2)


def test_mail_server_is_gone(database, mail):
    campaign = Campaign(database, mail)
    odoo = OdooServer(database, mail)
    try:
        campaign.wait_for_mails(60)
        mail.stop()
        problem = f"SELECT 1 FROM gdpr_consent_campaign WHERE name = '{campaign.name}' AND sending_problem IS NOT NULL"
        wait_until(lambda: database.query(problem), what="noting the problem")
        assert campaign.states()["queued"]
        mail.start()
        campaign.wait_until_done()
    finally:
        odoo.stop()
    campaign.check(most_in_doubt=2)
    assert not database.query(problem)
