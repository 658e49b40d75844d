from lxml import etree

from odoo.tests import tagged

from .common import ConsentCase
from .page_common import PageCase


@tagged("post_install", "-at_install")
class TestPageQueryCount(PageCase):
    """The queries of the consent page, those of its web site and of the framework included."""

    def test_open_and_answer(self):
        people = self.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"person{n}@example.com", "lang": "en_US"} for n in range(3)]
        )
        people.gdpr_legal_basis = "consent"
        asked = [self.ask(person) for person in people]
        # As of a campaign: the answer isn't posted to a colleague.
        for request, *_tokens in asked:
            request.user_id = False
        tokens = [grant for _request, grant, _preferences in asked]
        # What is loaded once; what the first answer of all makes forgotten, once more.
        self.answer(tokens[0], "save", ("purpose", "marketing"), ("channel", "email"))
        self.open_consent(tokens[2])
        self.env.invalidate_all()
        with self.assertQueryCount(10):
            page = self.open_consent(tokens[1])
        self.assertEqual(page.status_code, 200)
        fields = [*self.get_hidden_fields(page), ("purpose", "marketing"), ("channel", "email"), ("answer", "save")]
        self.env.invalidate_all()
        # Two of them are those of mailing contacts, a third kind of card.
        with self.assertQueryCount(32):
            page = self.open_consent(tokens[1], data=fields)
        self.assertIn("What is now on record", page.text)
        self.assertEqual(self.get_state(people[1]), "obtained")


@tagged("post_install", "-at_install")
class TestCardQueryCount(ConsentCase):
    """The queries that the fields of the add-on add to the form and to the list of contacts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.form.action_publish()
        cls.people = cls.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"person{n}@example.com"} for n in range(80)]
        )
        cls.people.gdpr_legal_basis = "consent"
        cls.people[:40].gdpr_record_consent("marketing", ["email"], "phone", evidence="Call")
        cls.people = cls.people.with_user(cls.officer)

    def read_specification(self, kind, view_id=False):
        """Give the fields of the add-on in a view, as the web client reads them."""
        views = self.people.get_views([(view_id, kind)])
        arch = etree.fromstring(views["views"][kind]["arch"])

        def specify(fields_of_model, nodes):
            specification = {}
            for node in nodes:
                wanted = specification.setdefault(node.get("name"), {})
                if fields_of_model[node.get("name")]["type"] in ("many2one", "many2many", "one2many"):
                    shown = {} if node.get("invisible") == "1" else {"display_name": {}}
                    wanted["fields"] = shown
                if nested := node.xpath("./list//field"):
                    relation = fields_of_model[node.get("name")]["relation"]
                    wanted |= {"fields": specify(views["models"][relation]["fields"], nested), "limit": 20}
            return specification

        nodes = arch.xpath("//field[starts-with(@name, 'gdpr_')][not(ancestor::field)]")
        return specify(views["models"]["res.partner"]["fields"], nodes)

    def count_queries(self, specification, answered, unanswered):
        """Check the queries of reading somebody who has answered, and somebody who hasn't."""
        self.people[0].web_read(specification)
        for person, count in ((self.people[1], answered), (self.people[41], unanswered)):
            self.env.invalidate_all()
            # Every request knows its user.
            person.env.user.mapped("tz")
            person.env.company.mapped("name")
            with self.assertQueryCount(count):
                person.web_read(specification)

    def test_form(self):
        specification = self.read_specification("form")
        self.assertIn("gdpr_legal_basis_reason", specification)
        self.assertNotIn("gdpr_event_ids", specification)
        self.count_queries(specification, 5, 4)

    def test_person_not_known(self):
        stranger = self.env["res.partner"].create({"name": "Stranger", "email": "stranger@example.com"})
        specification = self.read_specification("form")
        stranger = stranger.with_user(self.officer)
        stranger.web_read(specification)
        self.env.invalidate_all()
        with self.assertQueryCount(3):
            stranger.web_read(specification)

    def test_tab(self):
        """What is read when the tab is opened."""
        for part, name, answered, unanswered in (
            ("consent", "gdpr_purpose_ids", 8, 6),
            ("person", "gdpr_event_ids", 12, 10),
        ):
            view = self.env.ref(f"gdpr_consent.gdpr_subject_mixin_view_form_{part}")
            specification = self.read_specification("form", view.id)
            self.assertIn(name, specification)
            self.count_queries(specification, answered, unanswered)

    def test_list(self):
        specification = self.read_specification("list")
        self.assertEqual(specification, {"gdpr_legal_basis": {}, "gdpr_consent_state": {}, "gdpr_restricted": {}})
        self.people.web_read(specification)
        for people in (self.people[:1], self.people):
            self.env.invalidate_all()
            with self.assertQueryCount(2):
                people.web_read(specification)
