import hashlib
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..tools.immutability import forbid_changes


class GdprConsentEventValue(models.Model):
    """A personal value of an event, kept beside the chain (law.md R-103).

    The event carries only a salted commitment to it, so the row can be erased with the person
    while the chain stays verifiable. It can't be changed.
    """

    _name = "gdpr.consent.event.value"
    _description = "Personal Value of a Consent Event"
    _log_access = False

    event_id = fields.Many2one("gdpr.consent.event", required=True, index=True, ondelete="cascade")
    name = fields.Char(required=True)
    value = fields.Text(required=True)
    salt = fields.Char(required=True, groups="base.group_system")
    attachment_id = fields.Many2one("ir.attachment", ondelete="set null")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OF event_id, name, value, salt")

    @api.model
    def _describe_file(self, attachment):
        """Give the text that stands for a file in the ledger: its name and its SHA-256.

        So the file is hashed into the chain, and a change of it shows.
        """
        digest = hashlib.sha256(attachment.sudo().raw or b"").hexdigest()
        return f"{attachment.name} (SHA-256 {digest})"

    @api.model
    def _keep_files(self, attachments):
        """Keep copies of the files that back values, which nobody may change or remove.

        :param dict attachments: the file, by id of the value
        """
        if not attachments:
            return
        # Attached to the value, the file is as protected as the value: users have no right to write on either.
        vals_list = []
        for attachment, value_ids in self._group_by_file(attachments).items():
            content = attachment.sudo().copy_data({"name": attachment.name, "res_model": self._name})[0]
            vals_list += [{**content, "res_id": value_id} for value_id in value_ids]
        copies = self.env["ir.attachment"].sudo().create(vals_list)
        self.flush_model()
        copies.flush_recordset()
        self.env.cr.execute_values(
            "UPDATE gdpr_consent_event_value SET attachment_id = kept.attachment_id"
            " FROM (VALUES %s) AS kept (value_id, attachment_id) WHERE gdpr_consent_event_value.id = kept.value_id",
            [(copy.res_id, copy.id) for copy in copies],
            page_size=1000,
        )
        self.browse(attachments).invalidate_recordset(["attachment_id"])

    @api.model
    def _group_by_file(self, attachments):
        by_file = defaultdict(list)
        for value_id, attachment in attachments.items():
            by_file[attachment].append(value_id)
        return by_file

    def _find_file_faults(self):
        """Give a sentence for each file that is missing or isn't what was recorded."""
        return [
            self.env._(
                "%(person)s: the file of event %(number)s is missing or was altered.",
                person=value.event_id.subject_id.reference,
                number=value.event_id.sequence,
            )
            for value in self
            if not value.attachment_id or self._describe_file(value.attachment_id) != value.value
        ]

    def write(self, vals):
        raise AccessError(self.env._("What the ledger holds can't be changed."))
