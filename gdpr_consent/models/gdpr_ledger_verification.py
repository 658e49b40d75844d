from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..tools.immutability import forbid_changes

# People between two commits of the scheduled verification: about a second of work.
CRON_BATCH = 5000
# The faults kept with a verification; more say nothing new.
FAULTS_KEPT = 1000


class GdprLedgerVerification(models.Model):
    """One check of the ledger, and what it found. Once it is done nobody changes it.

    States: running while the scheduled check is under way, which goes on where it was interrupted; then sound, or
    faulty.
    """

    _name = "gdpr.ledger.verification"
    _description = "Verification of the Ledger"
    _order = "id DESC"
    _rec_name = "verified_on"
    _log_access = False

    state = fields.Selection(
        [("running", "Running"), ("sound", "Sound"), ("faulty", "Faults Found")],
        string="Result",
        required=True,
        readonly=True,
        help="Sound: every event is there, unchanged and in order. Otherwise the faults say where not.",
    )
    kind = fields.Selection(
        [
            ("scheduled", "Scheduled"),
            ("manual", "By a user"),
            ("command", "From the command line"),
            ("heads", "Against exported heads"),
        ],
        string="How",
        required=True,
        readonly=True,
        help="Who or what started it, or that it compared the ledger with heads kept outside the database.",
    )
    verified_on = fields.Datetime(
        required=True, readonly=True, default=fields.Datetime.now, help="When this check was made."
    )
    user_id = fields.Many2one(
        "res.users",
        string="By",
        readonly=True,
        ondelete="restrict",
        help="Who had the ledger verified; it is verified by itself too.",
    )
    subject_count = fields.Integer("People", readonly=True, help="Whose histories were checked.")
    event_count = fields.Integer(
        "Events", readonly=True, help="The entries whose hash and place in the chain were calculated again."
    )
    fault_count = fields.Integer(
        "Faults", readonly=True, help="Entries that were changed, are missing, or don't follow from the one before."
    )
    faults = fields.Text(
        "Faults Found",
        readonly=True,
        help="Each event that was changed, is missing or doesn't follow on the one before.",
    )
    last_subject_id = fields.Integer(readonly=True, help="The last person checked so far.")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OR DELETE", SQL("OLD.state <> 'running'"))

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._("A verification is recorded by what it checks only."))
        return super().create(vals_list)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("A verification can't be removed: it is part of the proof."))

    @api.model
    def _verify(self, kind, subjects=None):
        """Check the histories of some people, or of all, at once, and keep the result.

        :param str kind: how it came about
        :param gdpr.subject subjects: default, all
        :rtype: gdpr.ledger.verification
        """
        verification = self._start(kind)
        verification._add_faults((subjects or self.env["gdpr.subject"])._find_wording_faults())
        if subjects:
            verification._advance(subjects)
        else:
            while verification._advance_batch():
                pass
        verification._finish()
        return verification

    @api.model
    def _verify_heads(self, file):
        """Compare the ledger with signed heads exported earlier, and keep the result.

        :param file: binary file to read, with ``seek``
        :rtype: gdpr.ledger.verification
        :raise UserError: the file isn't one of ours, is damaged or was changed
        """
        faults, header = self.env["gdpr.subject"].sudo()._check_heads(file)
        verification = self._start("heads")
        verification.write({"subject_count": header["persons"], "event_count": header["events"]})
        verification._add_faults(faults)
        verification._finish()
        return verification

    @api.model
    def _cron_verify(self):
        """Check the whole ledger in batches that commit; what was interrupted goes on. Officers are told of faults."""
        verification = self.sudo().search([("state", "=", "running"), ("kind", "=", "scheduled")], limit=1)
        if not verification:
            verification = self._start("scheduled")
            verification._add_faults(self.env["gdpr.subject"]._find_wording_faults())
        cron = self.env["ir.cron"]
        everybody = self.env["gdpr.subject"].sudo()
        left = everybody.search_count([("id", ">", verification.last_subject_id)])
        cron._commit_progress(remaining=left)
        while checked := verification._advance_batch(CRON_BATCH):
            if not cron._commit_progress(checked):
                return
        verification._finish()
        cron._commit_progress(remaining=0)

    @api.model
    def _start(self, kind):
        return self.sudo().create({"state": "running", "kind": kind, "user_id": kind != "scheduled" and self.env.uid})

    def _advance_batch(self, size=1000):
        """Check the next people.

        :return: how many; 0 when all are checked
        """
        subjects = self.env["gdpr.subject"].sudo().search([("id", ">", self.last_subject_id)], order="id", limit=size)
        self._advance(subjects)
        return len(subjects)

    def _advance(self, subjects):
        """Check these people and add what is found."""
        faults, event_count = subjects.sudo()._find_all_ledger_faults()
        self._add_faults(faults)
        self.subject_count += len(subjects)
        self.event_count += event_count
        self.last_subject_id = max(subjects.ids, default=self.last_subject_id)
        self.flush_recordset()

    def _add_faults(self, faults):
        if faults:
            known = self._get_fault_list()
            self.fault_count += len(faults)
            self.faults = "\n".join((known + faults)[:FAULTS_KEPT])

    def _finish(self):
        """Close the verification for good, and tell the officers of faults."""
        self.write({"state": "faulty" if self.fault_count else "sound", "verified_on": fields.Datetime.now()})
        self.flush_recordset()
        if self.fault_count:
            self._notify_officers()

    def _get_fault_list(self):
        """Give the faults kept, one sentence each."""
        return (self.faults or "").splitlines()

    def _notify_officers(self):
        """Tell every officer, in the way each gets notifications."""
        officers = self.env.ref("gdpr_consent.group_officer").sudo().all_user_ids.filtered("active")
        for lang, users in officers.grouped("lang").items():
            translated = self.with_context(lang=lang)
            self.env["mail.thread"].message_notify(
                partner_ids=users.partner_id.ids,
                subject=translated.env._("Faults in the consent ledger"),
                body=translated.env._(
                    "The consent ledger was verified. Faults found: %(count)s. They are listed in Data Privacy,"
                    " Ledger, Verifications.",
                    count=self.fault_count,
                ),
                model=self._name,
                res_id=self.id,
                author_id=self.env.ref("base.partner_root").id,
            )
