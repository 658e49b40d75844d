from lxml import etree

from odoo.tests import TransactionCase, tagged

# Odoo explains them nowhere either.
PLAIN = {"active", "sequence", "write_date", "activity_ids", "company_id"}


@tagged("post_install", "-at_install")
class TestHelp(TransactionCase):
    """Every screen says in words what is on it, and what happens there."""

    def test_tooltips(self):
        """A field of a form, a list or a kanban says what it means when the pointer rests on it."""
        missing = set()
        for model in sorted(name for name in self.env.registry if name.startswith("gdpr.")):
            views = self.env["ir.ui.view"].search(
                [("model", "=", model), ("mode", "=", "primary"), ("type", "in", ("form", "list", "kanban"))]
            )
            for view in views:
                arch = etree.fromstring(self.env[model].get_view(view.id, view.type)["arch"])
                for node in arch.iter("field"):
                    shown_on = self.env[model]
                    for ancestor in reversed(list(node.iterancestors("field"))):
                        shown_on = shown_on[ancestor.get("name")]
                    field = shown_on._fields[node.get("name")]
                    is_hidden = {node.get("column_invisible"), node.get("invisible")} & {"1", "True"}
                    is_own = shown_on._name.startswith("gdpr.") and field.name not in PLAIN
                    if is_own and not (is_hidden or field.help or node.get("help")):
                        missing.add(f"{shown_on._name}.{field.name}")
        self.assertFalse(missing)

    def test_empty_lists(self):
        """A list with nothing in it says what would be there, and how it comes there."""
        actions = self.env["ir.actions.act_window"].search([("res_model", "=like", "gdpr.%")])
        own = actions.get_external_id()
        silent = [
            own[action.id]
            for action in actions
            if own[action.id].startswith("gdpr_consent") and "list" in action.view_mode and not action.help
        ]
        self.assertFalse(silent)

    def test_labels(self):
        """No two fields of a record are called alike: in a filter or an export nobody could tell them apart."""
        alike = []
        for model in sorted(name for name in self.env.registry if name.startswith("gdpr.")):
            labels = {}
            for field in self.env[model]._fields.values():
                labels.setdefault(field.string, []).append(field.name)
            alike += [(model, label, names) for label, names in labels.items() if len(names) > 1]
        self.assertFalse(alike)
