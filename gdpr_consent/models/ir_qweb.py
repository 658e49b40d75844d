from lxml import etree

from odoo import models

# What was compiled already, while the messages of a campaign are made.
COMPILED = "gdpr_compiled"


class IrQweb(models.AbstractModel):
    _inherit = "ir.qweb"

    def _generate_code_uncached(self, template):
        """Compile the text of a campaign's message once; Odoo does it anew for each record a text is rendered for."""
        compiled = self.env.context.get(COMPILED)
        if not isinstance(compiled, dict) or not isinstance(template, etree._Element):
            return super()._generate_code_uncached(template)
        context = self.env.context
        names = (*self._get_template_cache_keys(), "raise_on_forbidden_code_for_model")
        key = (etree.tostring(template), *(context.get(name) for name in names))
        if key not in compiled:
            compiled[key] = super()._generate_code_uncached(template)
        return compiled[key]
