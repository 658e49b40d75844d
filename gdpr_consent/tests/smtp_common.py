import email
import logging
import re
import socket
from email import policy

from aiosmtpd.controller import Controller


class Mailbox:
    """Receives mail; answers some recipients otherwise."""

    def __init__(self):
        self.refused = {}
        self.envelopes = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        self.envelopes.append(envelope)
        return "250 Message accepted"


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SmtpCase:
    """Mail leaves Odoo by a real mail server, once a test has started it; a part of a test class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mail_server = cls.env["ir.mail_server"].create(
            {
                "name": "Server of the test",
                "smtp_host": "127.0.0.1",
                "smtp_port": find_free_port(),
                "smtp_encryption": "none",
                "sequence": 0,
            }
        )
        cls.env["ir.mail_server"].search([("id", "!=", cls.mail_server.id)]).active = False

    def setUp(self):
        super().setUp()
        # Odoo sends nothing while it is tested.
        self.patch(type(self.env["ir.mail_server"]), "_disable_send", lambda _server: False)
        self.mailbox = Mailbox()
        # It tells each step of each session.
        logging.getLogger("mail.log").setLevel(logging.WARNING)

    def start_server(self):
        server = Controller(self.mailbox, hostname="127.0.0.1", port=self.mail_server.smtp_port)
        server.start()
        self.addCleanup(server.stop, no_assert=True)
        return server

    def receive(self):
        """Give the envelope and the message that arrived last."""
        envelope = self.mailbox.envelopes[-1]
        return envelope, self.read(envelope)

    def read(self, envelope):
        """Give the message in an envelope."""
        return email.message_from_bytes(envelope.content, policy=policy.default)

    def read_links(self, text):
        """Give the addresses of the two pages found in a text, by page."""
        found = re.findall(r"https?://[^\s\"'<>\]\)]+/gdpr/(consent|preferences)/[\w-]+", text)
        links = re.findall(r"https?://[^\s\"'<>\]\)]+/gdpr/(?:consent|preferences)/[\w-]+", text)
        return dict(zip(found, links, strict=True))
