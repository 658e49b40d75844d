"""Sending what a campaign has queued through a local SMTP server, next to ``mail.mail.send``; one worker and two.

One worker of ours makes the links and the messages, hands them over and writes the ledger. Odoo's own way, in the
same process, hands over mails that were made before the clock ran. Two workers are two processes, as Odoo's are, and
share one queue; what they do is put next to one of Odoo's, and to one of ours: with the mail server and PostgreSQL on
the same machine they would need more than two cores to be twice as fast as that.

    bench_send.py [MAILS A WORKER] [ROUNDS]
"""

import multiprocessing
import socket
import statistics
import time
from contextlib import closing, contextmanager

from aiosmtpd.controller import Controller
from common import DATABASE, environment, fill_contacts, print_rows, sizes

MAILS, ROUNDS = sizes(500, 3)
# Before the clock runs: what each worker loads once.
WARMING = 100
MOST_SECONDS = 300
QUEUE = "queue"


class MailServer:
    """Takes everything and keeps nothing."""

    async def handle_DATA(self, _server, _session, _envelope):
        return "250 Taken"


def serve_mail(port, is_ready, may_end):
    """Be a mail server, in a process of its own."""
    controller = Controller(MailServer(), hostname="127.0.0.1", port=port)
    controller.start()
    is_ready.set()
    may_end.wait()
    controller.stop()


@contextmanager
def mail_server(processes):
    """Run a mail server; give its port."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    is_ready, may_end = processes.Event(), processes.Event()
    process = processes.Process(target=serve_mail, args=(port, is_ready, may_end), daemon=True)
    process.start()
    is_ready.wait()
    try:
        yield port
    finally:
        may_end.set()
        process.join()


def work(sender, tasks, results):
    """Be a worker of Odoo: send what campaigns have queued, or these mails; tell each time when it was done."""
    with environment() as env:
        results.put(time.time())
        while task := tasks.get():
            if task == QUEUE:
                env["gdpr.consent.request"].sudo()._cron_send(sender)
            else:
                env["mail.mail"].sudo().browse(task).send(auto_commit=True)
            env.cr.commit()
            env.invalidate_all()
            results.put(time.time())


class Workers:
    """Two workers of Odoo, of which one or both are given work."""

    def __init__(self, processes):
        self._tasks = [processes.Queue(), processes.Queue()]
        self._results = processes.Queue()
        self._processes = [
            processes.Process(target=work, args=(number, tasks, self._results), daemon=True)
            for number, tasks in enumerate(self._tasks, start=1)
        ]
        for process in self._processes:
            process.start()
            self._results.get(timeout=MOST_SECONDS)

    def send(self, count, task):
        """Have so many of them do something; give the seconds until nothing is left."""
        started = time.time()
        for tasks in self._tasks[:count]:
            tasks.put(task)
        return max(self._results.get(timeout=MOST_SECONDS) for _worker in range(count)) - started

    def end(self):
        for tasks in self._tasks:
            tasks.put(None)
        for process in self._processes:
            process.join()


class Mails:
    """What is to be sent: each time to other contacts."""

    def __init__(self, env):
        self.env = env
        self._template = env.ref("gdpr_consent.mail_template_consent_request_partner")
        # The same text, with an ordinary link in it.
        self._plain = self._template.copy({"body_html": self._template.body_html.replace("personal-link", "page")})
        env.company.email = "info@example.com"
        env.ref("gdpr_consent.default_form").action_publish()
        self._contacts = env["res.partner"].search([("name", "=like", "Contact %")])
        self._contacts.gdpr_set_legal_basis("consent")

    def _take(self, count):
        taken, self._contacts = self._contacts[:count], self._contacts[count:]
        return taken

    def queue(self, count):
        """Queue requests of a campaign."""
        campaigns = self.env["gdpr.consent.campaign"]
        campaign = campaigns.create({"name": "Benchmark", "domain": repr([("id", "in", self._take(count).ids)])})
        campaign.action_start()
        campaign.sudo()._cron_queue()
        assert campaign.total_count == count, campaign.summary
        self.env.cr.commit()
        return campaign

    def check(self, campaign):
        """Check that all of a campaign have left."""
        self.env.cr.rollback()
        self.env.invalidate_all()
        assert campaign.sent_count == campaign.total_count, campaign.summary

    def make(self, count):
        """Make mails as Odoo does; give their ids."""
        mails = self._plain.send_mail_batch(self._take(count).ids)
        self.env.cr.commit()
        self.env.invalidate_all()
        return mails.ids


def measure(mails, workers):
    """Give the mails a second of one round: Odoo's, one worker's, two workers'."""
    by_odoo = MAILS / workers.send(1, mails.make(MAILS))
    rates = []
    for count in (1, 2):
        campaign = mails.queue(count * MAILS)
        rates.append(count * MAILS / workers.send(count, QUEUE))
        mails.check(campaign)
    return by_odoo, *rates


def main():
    processes = multiprocessing.get_context("spawn")
    fill_contacts(DATABASE, 4 * MAILS * ROUNDS + 3 * WARMING)
    with mail_server(processes) as port, environment() as env:
        server = {"name": "Local", "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_encryption": "none"}
        env["ir.mail_server"].search([]).active = False
        env["ir.mail_server"].create(server)
        mails = Mails(env)
        env.cr.commit()
        workers = Workers(processes)
        try:
            mails.queue(2 * WARMING)
            workers.send(2, QUEUE)
            workers.send(1, mails.make(WARMING))
            rounds = [measure(mails, workers) for _round in range(ROUNDS)]
        finally:
            workers.end()
    by_odoo, one, two = (round(statistics.median(column), 1) for column in zip(*rounds, strict=True))
    size = f"{MAILS:,} mails a worker"
    print_rows(
        ("send through local SMTP, one worker", size, one, by_odoo, "mails/s"),
        ("the same by two workers", size, two, by_odoo, "mails/s"),
        ("the same by two workers, next to one of ours", size, two, one, "mails/s"),
    )


if __name__ == "__main__":
    main()
