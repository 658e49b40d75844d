"""The mailbox, over real SMTP and HTTP."""

import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tools.mailbox import LOOPBACK, Mailbox, is_free
from tools.processes import free_port


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    """Give a running mailbox."""
    with Mailbox(tmp_path, free_port(), free_port()) as running:
        yield running


def a_message(**headers: str) -> EmailMessage:
    """Return a message with a plain and an HTML part and an attachment."""
    message = EmailMessage()
    message["From"] = "company@example.com"
    message["To"] = headers.get("to", "anna@example.com")
    message["Subject"] = headers.get("subject", "Your consent")
    message.set_content("Perché no? <plain>")
    message.add_alternative('<p>Open <a href="http://127.0.0.1/x">this</a>.</p>', subtype="html")
    message.add_attachment(b"name;email\n", "text", "csv", filename="<your data>.csv")
    return message


def send(mailbox: Mailbox, message: EmailMessage, recipients: list[str] | None = None) -> dict:
    """Send a message; return the recipients that were refused."""
    with smtplib.SMTP(LOOPBACK, mailbox.smtp.port) as client:
        return client.send_message(message, to_addrs=recipients)


def page(mailbox: Mailbox, path: str = "/") -> str:
    """Return a page of the mailbox."""
    with urllib.request.urlopen(mailbox.address + path) as answer:
        return answer.read().decode()


def test_keeps_each_message_complete(mailbox: Mailbox) -> None:
    source = b"Subject: Ciao\r\nX-Odd:  kept \r\n\r\n.a dot first\r\n\xe8 raw\r\n"
    with smtplib.SMTP(LOOPBACK, mailbox.smtp.port) as client:
        client.sendmail("company@example.com", ["anna@example.com"], source)
    (stored,) = mailbox.folder.newest_first()
    assert stored.path.suffix == ".eml"
    assert stored.source() == source
    assert stored.envelope()["to"] == ["anna@example.com"]
    assert not list(stored.path.parent.glob("*.unfinished"))


def test_refuses_who_asks_for_it(mailbox: Mailbox) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox, a_message(), ["Bounce.anna@example.com", "later@example.com"])
    codes = {address: code for address, (code, _) in refused.value.recipients.items()}
    assert codes == {"Bounce.anna@example.com": 550, "later@example.com": 451}
    assert not mailbox.folder.newest_first()


def test_refuses_one_recipient_of_two(mailbox: Mailbox) -> None:
    refused = send(mailbox, a_message(), ["bounce@example.com", "anna@example.com"])
    assert list(refused) == ["bounce@example.com"]
    (stored,) = mailbox.folder.newest_first()
    assert stored.envelope()["to"] == ["anna@example.com"]


def test_lists_newest_first_and_escapes(mailbox: Mailbox) -> None:
    send(mailbox, a_message(subject="First"))
    send(mailbox, a_message(subject="<script>alert(1)</script>"))
    listed = page(mailbox)
    assert "<script>" not in listed
    assert listed.index("&lt;script&gt;") < listed.index("First")


def test_shows_a_message(mailbox: Mailbox) -> None:
    send(mailbox, a_message())
    here = f"/message/{mailbox.folder.newest_first()[0].name}"
    shown = page(mailbox, here)
    assert "Perché no? &lt;plain&gt;" in shown
    assert "&lt;your data&gt;.csv" in shown
    assert "allow-scripts" not in shown
    assert 'sandbox="allow-popups' in shown
    assert page(mailbox, here + "/html").startswith('<base target="_blank">')
    assert page(mailbox, here + "/source").startswith("From: company@example.com")
    assert page(mailbox, here + "/attachment/0") == "name;email\n"


def test_shows_a_broken_message(mailbox: Mailbox) -> None:
    source = b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/html; charset=nonsense\r\n\r\n\xff<b>"
    stored = mailbox.folder.add(source, "", [])
    assert page(mailbox)
    assert page(mailbox, f"/message/{stored.name}")
    assert page(mailbox, f"/message/{stored.name}/html")


@pytest.mark.parametrize(
    "path",
    ["/message/nothing", "/message/..%2f..%2fsecret", "/elsewhere", "/message/x/attachment/9"],
)
def test_has_no_other_pages(mailbox: Mailbox, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        page(mailbox, path)
    assert answer.value.code == 404


def test_knows_a_port_in_use(mailbox: Mailbox) -> None:
    assert not is_free(mailbox.smtp.port)
    assert is_free(free_port())
