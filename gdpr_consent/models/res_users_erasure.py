from odoo import models
from odoo.tools import SQL
from odoo.tools.sql import table_columns

# What lets somebody in; some have no field, or one that can't be emptied.
SECRETS = ("password", "totp_secret")


class ResUsers(models.Model):
    """An account of a person who is erased: nobody can log in with it, and nothing tells whose it was."""

    _inherit = "res.users"

    def _gdpr_anonymise(self, names):
        """See ``base``. The sessions end with the password and the login they are made from."""
        self.filtered("active").write({"active": False})
        self.api_key_ids._remove()
        self.flush_recordset()
        emptied = [name for name in SECRETS if name in table_columns(self.env.cr, self._table)]
        # Past the ORM: Odoo would mail the person that the login has changed.
        self.env.cr.execute(
            SQL(
                "UPDATE res_users SET login = 'erased-' || id%s WHERE id IN %s",
                SQL().join(SQL(", %s = NULL", SQL.identifier(name)) for name in emptied),
                tuple(self.ids),
            )
        )
        self.invalidate_recordset(flush=False)
        self.env.registry.clear_cache()
        super()._gdpr_anonymise(name for name in (*names, "signature") if name not in ("login", *SECRETS))
