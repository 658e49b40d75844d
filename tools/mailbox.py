"""A mailbox that catches all mail: an SMTP server, a folder of .eml files, a web page to read them.

Nothing leaves the machine, and both servers listen on the loopback address only.
"""

import email
import email.policy
import html
import itertools
import json
import logging
import re
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK = "127.0.0.1"
LARGEST_MESSAGE = 64 * 1024 * 1024
MESSAGES_ON_A_PAGE = 100
REFRESH_SECONDS = 5
REFUSALS = {
    "bounce": "550 5.1.1 There is no such mailbox",
    "later": "451 4.7.1 Try again later",
}
# A message is untrusted: no scripts, no forms; its links may open in a new tab.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MESSAGE_POLICY = f"sandbox {SANDBOX}; default-src 'none'; img-src * data:; style-src 'unsafe-inline'"
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff }}
body {{ max-width: 64rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }}
h2 {{ font-size: 1.05rem; margin: 1.5rem 0 .5rem }}
a {{ color: #0b5394 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top }}
th, td {{ padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd }}
th {{ font-weight: 600 }}
td:last-child {{ white-space: nowrap }}
iframe {{ width: 100%; height: 36rem; border: 1px solid #ccc; background: #fff }}
pre {{ background: #f5f5f5; padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere }}
.note {{ color: #595959 }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
NOTE = """<p class="note">All mail of the demo ends here; none leaves this machine. To try a
failure, write to an address that starts with <b>bounce</b> (refused for good, 550) or
<b>later</b> (refused for now, 451).</p>"""


@dataclass(frozen=True)
class Stored:
    """One message in the folder."""

    path: Path

    @property
    def name(self) -> str:
        """The name that the web page knows it by."""
        return self.path.stem

    def source(self) -> bytes:
        """Return the message as it was received."""
        return self.path.read_bytes()

    def message(self) -> EmailMessage:
        """Return the message, parsed."""
        return email.message_from_bytes(self.source(), policy=email.policy.default)

    def envelope(self) -> dict:
        """Return who sent it to whom and when, as said to the SMTP server."""
        try:
            return json.loads(self.path.with_suffix(".json").read_text())
        except FileNotFoundError:
            return {"from": "", "to": [], "received": ""}


class Folder:
    """The folder that keeps the messages, named so that they sort by arrival."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers = itertools.count(1)
        path.mkdir(parents=True, exist_ok=True)

    def add(self, source: bytes, sender: str, recipients: list[str]) -> Stored:
        """Keep a message; it appears under its name only when it is whole."""
        now = datetime.now(timezone.utc)
        name = f"{now:%Y%m%d-%H%M%S-%f}-{next(self.numbers):05d}"
        envelope = {
            "from": sender,
            "to": recipients,
            "received": now.isoformat(timespec="seconds"),
        }
        path = self.path / f"{name}.eml"
        self.put(path.with_suffix(".json"), json.dumps(envelope).encode())
        self.put(path, source)
        return Stored(path)

    def put(self, path: Path, contents: bytes) -> None:
        """Write a file in one go, as far as any reader can tell."""
        unfinished = path.with_name(path.name + ".unfinished")
        unfinished.write_bytes(contents)
        unfinished.replace(path)

    def newest_first(self) -> list[Stored]:
        """Return all messages."""
        return [Stored(path) for path in sorted(self.path.glob("*.eml"), reverse=True)]

    def find(self, name: str) -> Stored | None:
        """Return the message of that name, if there is one."""
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            return None
        path = self.path / f"{name}.eml"
        return Stored(path) if path.exists() else None


class Receiver:
    """What the SMTP server does with what it hears (the method names are aiosmtpd's)."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, or refuse one that asks for it; return the SMTP reply."""
        for beginning, refusal in REFUSALS.items():
            if address.lower().startswith(beginning):
                return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a message; return the SMTP reply."""
        contents = envelope.original_content or b""
        self.folder.add(contents, envelope.mail_from or "", envelope.rcpt_tos)
        return "250 Kept"


def header(message: EmailMessage, name: str) -> str:
    """Return a header as text, whatever state it is in."""
    try:
        return str(message.get(name, ""))
    except Exception:  # the parser raises all sorts of errors on broken headers
        return "(unreadable)"


def text_of(part: EmailMessage | None) -> str:
    """Return the text of a part of a message, whatever state it is in."""
    if part is None:
        return ""
    try:
        return part.get_content()
    except (LookupError, ValueError, KeyError):
        return (part.get_payload(decode=True) or b"").decode("utf-8", "replace")


def list_page(folder: Folder, page: int) -> str:
    """Return the page that lists the messages."""
    messages = folder.newest_first()
    shown = messages[(page - 1) * MESSAGES_ON_A_PAGE : page * MESSAGES_ON_A_PAGE]
    rows = []
    for stored in shown:
        message = stored.message()
        subject = html.escape(header(message, "Subject") or "(no subject)")
        rows.append(
            f"<tr><td>{html.escape(header(message, 'To'))}</td>"
            f'<td><a href="/message/{stored.name}">{subject}</a></td>'
            f"<td>{html.escape(header(message, 'Date'))}</td></tr>"
        )
    table = "<p>No mail yet.</p>"
    if rows:
        heading = "<tr><th>To</th><th>Subject</th><th>Date</th></tr>"
        table = f"<table>{heading}{''.join(rows)}</table>"
    links = []
    if page > 1:
        links.append(f'<a href="/?page={page - 1}">Newer</a>')
    if page * MESSAGES_ON_A_PAGE < len(messages):
        links.append(f'<a href="/?page={page + 1}">Older</a>')
    return PAGE.format(
        title=f"Mailbox ({len(messages)})",
        refresh=f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">',
        body=f"<h1>Mailbox: {len(messages)} messages</h1>{NOTE}{table}<p>{' '.join(links)}</p>",
    )


def message_page(stored: Stored) -> str:
    """Return the page that shows one message."""
    message = stored.message()
    envelope = stored.envelope()
    facts = {name: header(message, name) for name in ("From", "To", "Cc", "Reply-To", "Date")}
    facts["Delivered to"] = ", ".join(envelope["to"])
    rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items() if value)
    parts = [f'<p><a href="/">All mail</a></p><h1>{html.escape(header(message, "Subject"))}</h1>']
    parts.append(f"<table>{rows}</table>")
    here = f"/message/{stored.name}"
    if message.get_body(("html",)) is not None:
        parts.append(f'<h2>Message</h2><iframe title="Message" sandbox="{SANDBOX}" src="{here}/html"></iframe>')
    plain = text_of(message.get_body(("plain",)))
    if plain:
        parts.append(f"<h2>Plain text</h2><pre>{html.escape(plain)}</pre>")
    attachments = list(message.iter_attachments())
    if attachments:
        items = "".join(
            f'<li><a href="{here}/attachment/{number}">{html.escape(file_name(part, number))}</a></li>'
            for number, part in enumerate(attachments)
        )
        parts.append(f"<h2>Attachments</h2><ul>{items}</ul>")
    parts.append(f'<p><a href="{here}/source">Source</a></p>')
    title = html.escape(header(message, "Subject"))
    return PAGE.format(title=title, refresh="", body="".join(parts))


def file_name(part: EmailMessage, number: int) -> str:
    """Return a name for an attachment."""
    return part.get_filename() or f"attachment-{number + 1}"


def html_part(stored: Stored) -> str:
    """Return the HTML of a message, its links opening in a new tab."""
    return '<base target="_blank">' + text_of(stored.message().get_body(("html",)))


class WebPage(BaseHTTPRequestHandler):
    """Answers the browser (the method names are the library's)."""

    folder: Folder

    def do_GET(self) -> None:
        """Send the page asked for."""
        address = urlsplit(self.path)
        kind, name, part, number = (*unquote(address.path).strip("/").split("/"), *[""] * 4)[:4]
        if not kind:
            page = re.search(r"page=([1-9]\d{0,5})$", address.query)
            self.send(list_page(self.folder, int(page[1]) if page else 1))
            return
        stored = self.folder.find(name) if kind == "message" else None
        if stored and not part:
            self.send(message_page(stored))
        elif stored and part == "html":
            self.send(html_part(stored), policy=MESSAGE_POLICY)
        elif stored and part == "source":
            self.send(stored.source(), "text/plain; charset=utf-8")
        elif stored and part == "attachment" and number.isdecimal():
            self.send_attachment(stored, int(number))
        else:
            self.send_error(404)

    def send_attachment(self, stored: Stored, number: int) -> None:
        """Send an attachment as a file to save."""
        attachments = list(stored.message().iter_attachments())
        if number >= len(attachments):
            self.send_error(404)
            return
        part = attachments[number]
        contents = part.get_payload(decode=True) or part.as_bytes()
        name = quote(file_name(part, number))
        self.send(contents, "application/octet-stream", disposition=f"attachment; filename*=UTF-8''{name}")

    def send(
        self,
        contents: str | bytes,
        kind: str = "text/html; charset=utf-8",
        policy: str = PAGE_POLICY,
        disposition: str = "inline",
    ) -> None:
        """Send one answer."""
        body = contents if isinstance(contents, bytes) else contents.encode("utf-8", "replace")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Disposition", disposition)
        self.send_header("X-Content-Type-Options", "nosniff")
        # The sites a message links to need not know where it was read.
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""


class Mailbox:
    """The two servers, while used as a context manager."""

    def __init__(self, path: Path, mail_port: int, web_port: int) -> None:
        self.folder = Folder(path)
        # aiosmtpd tells each word of each conversation.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self.smtp = Controller(
            Receiver(self.folder),
            hostname=LOOPBACK,
            port=mail_port,
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
        )
        handler = type("MailboxPage", (WebPage,), {"folder": self.folder})
        self.web = ThreadingHTTPServer((LOOPBACK, web_port), handler)
        self.web.daemon_threads = True

    def __enter__(self) -> "Mailbox":
        self.smtp.start()
        threading.Thread(target=self.web.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.smtp.stop(no_assert=True)
        self.web.shutdown()
        self.web.server_close()

    @property
    def address(self) -> str:
        """The address of the web page."""
        return f"http://{LOOPBACK}:{self.web.server_address[1]}"


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of the loopback address."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
