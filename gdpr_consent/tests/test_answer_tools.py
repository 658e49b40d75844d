import csv
import io

import vobject

from odoo.tests import BaseCase, tagged

from ..tools.cells import make_unique, slug
from ..tools.redaction import Redactor, find_emails, find_names, find_phones
from ..tools.safe_csv import neutralise, restore, write_rows
from ..tools.vcard import Contact, make_vcard


@tagged("post_install", "-at_install")
class TestAnswerTools(BaseCase):
    """Files that nothing in them can harm, and texts without other people."""

    def test_csv_formulas(self):
        """The payloads of law.md R-98."""
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"):
            with self.subTest(text=text):
                self.assertEqual(neutralise(text), f"'{text}")
        self.assertEqual(neutralise("\0=1"), "'=1")
        self.assertEqual(neutralise("a=1"), "a=1")
        self.assertEqual(restore(neutralise("+39 02")), "+39 02")
        self.assertEqual(restore("'tis"), "'tis")

    def test_csv_format(self):
        file = io.StringIO(newline="")
        write_rows(file, [['a "quoted" word', "two\nlines"], ["è", ""]])
        self.assertEqual(file.getvalue(), '\ufeff"a ""quoted"" word","two\nlines"\r\n"è",""\r\n')
        self.assertEqual(
            list(csv.reader(io.StringIO(file.getvalue()[1:], newline=""))),
            [['a "quoted" word', "two\nlines"], ["è", ""]],
        )

    def test_vcard(self):
        contact = Contact(
            name="Zoë; O'Hara, \\ 🙂 " + "long " * 30,
            email="zoe@example.com",
            phone="+39 02 5550123",
            street="Via Roma 1\nInterno 2",
            city="Forlì",
            country="Italia",
        )
        text = make_vcard(contact)
        self.assertTrue(text.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:"))
        self.assertTrue(all(len(line.encode()) <= 75 for line in text.split("\r\n")))
        self.assertEqual(text.count("\n"), text.count("\r\n"))
        card = vobject.readOne(text)
        self.assertEqual(card.fn.value, contact.name.strip() + " ")
        self.assertEqual(card.adr.value.city, "Forlì")
        self.assertEqual(card.adr.value.street, contact.street)

    def test_vcard_of_nobody(self):
        self.assertIn("FN:?\r\n", make_vcard(Contact()))

    def test_file_names(self):
        self.assertEqual(slug('è "x"\r\n../../etc/passwd'), "e_x_.._.._etc_passwd")
        taken = set()
        self.assertEqual([make_unique("a.txt", taken) for _time in range(3)], ["a.txt", "a-2.txt", "a-3.txt"])

    def test_redaction(self):
        redactor = Redactor(["Anna Rossi"], ["anna@example.com"], ["390255501230"])
        redactor.add_person("Bob Verdi", ["+39 02 5550001"], takes_part=True)
        redactor.add_person("Marco Rossi", takes_part=True)
        redactor.add_person("Will May")
        for text, expected in (
            ("Anna Rossi and Bob Verdi", "Anna Rossi and [redacted]"),
            ("VERDI, Bob came", "[redacted] came"),
            ("Bob came, Bobby too", "[redacted] came, Bobby too"),
            ("Marco and Anna Rossi", "[redacted] and Anna Rossi"),
            ("Marco Rossi", "[redacted]"),
            ("It will be in May", "It will be in May"),
            ("will may", "[redacted]"),
            ("anna@example.com, x.y@example.org", "anna@example.com, [redacted]"),
            ("Call 02/555 0001 or +39 02 5550123", "Call [redacted] or +39 02 5550123"),
            ("Order 5550001", "Order 5550001"),
        ):
            with self.subTest(text=text):
                self.assertEqual(redactor.redact(text)[0], expected)
        self.assertEqual(redactor.redact("Bob Verdi, b@example.com")[1], 2)

    def test_proposal(self):
        """Whoever's number or account it is that isn't the person's or the company's; what is none stays."""
        own = "IT60X0542811101000000123456"
        redactor = Redactor(["Anna Rossi"], ["anna@example.com"], ["390255501230"], [own], "IT")
        for text, expected in (
            ("Call 02/555 0001, 347 8812990 or +44 20 7946 0958", "Call [redacted], [redacted] or [redacted]"),
            ("Mine is 02 55501230 or +39 02 55501230", "Mine is 02 55501230 or +39 02 55501230"),
            ("Pay to DE89 3704 0044 0532 0130 00 BY MONDAY", "Pay to [redacted] BY MONDAY"),
            ("de89370400440532013000, x@example.org", "[redacted], [redacted]"),
            ("Pay to IT60 X054 2811 1010 0000 0123 456", "Pay to IT60 X054 2811 1010 0000 0123 456"),
            ("DE00 3704 0044 0532 0130 00 is no account", "DE00 3704 0044 0532 0130 00 is no account"),
            ("Order 5550001 of 2026-03-31: 1.234.567,00 EUR", "Order 5550001 of 2026-03-31: 1.234.567,00 EUR"),
        ):
            with self.subTest(text=text):
                self.assertEqual(redactor.propose(text)[0], expected)
        self.assertEqual(redactor.propose("DE89370400440532013000, 347 8812990, x@example.org")[1], 3)

    def test_candidates(self):
        """What may be somebody is picked from a text, however it is written."""
        for text, name in (
            ("We met Mario Bianchi today", "Mario Bianchi"),
            ("BIANCHI, Mario called", "Mario Bianchi"),
            ("With Ludwig van Beethoven and others", "Ludwig van Beethoven"),
        ):
            with self.subTest(text=text):
                self.assertIn(name, find_names(text))
        self.assertFalse(find_names("nothing to see. Here"))
        self.assertEqual(find_emails("Write to X@Example.com"), {"x@example.com"})
        self.assertEqual(find_phones("Call +39 02 555 7777"), {"39025557777"})
