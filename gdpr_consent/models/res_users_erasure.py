from odoo import models
from odoo.tools import SQL


class ResUsers(models.Model):
    """An account of a person who is erased: nobody can log in with it, and nothing tells whose it was."""

    _inherit = "res.users"

    def _gdpr_anonymise(self, names):
        self.write({"active": False})
        self.sudo().api_key_ids._remove()
        for user in self:
            user.write({"login": f"erased-{user.id}"})
        # The secrets have no field, or one that can't be emptied.
        columns = [name for name in ("password", "totp_secret") if name in self._gdpr_read_columns()]
        for name in columns:
            self.env.cr.execute(
                SQL("UPDATE res_users SET %s = NULL WHERE id IN %s", SQL.identifier(name), tuple(self.ids))
            )
        self.env.registry.clear_cache()
        super()._gdpr_anonymise(name for name in {*names, "signature"} if name not in ("login", "password"))

    def _gdpr_read_columns(self):
        rows = self.env.execute_query(
            SQL("SELECT column_name FROM information_schema.columns WHERE table_name = 'res_users'")
        )
        return {row[0] for row in rows}
