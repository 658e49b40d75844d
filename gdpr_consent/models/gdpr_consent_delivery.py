from odoo import api, fields, models
from odoo.tools import SQL

# Odoo's own mail queue, and whoever sends a single message at once: no sender of campaigns.
MAIL_QUEUE = 0


class GdprConsentDelivery(models.Model):
    """A message that is just being sent: what lets nobody be asked twice, or be forgotten.

    Its rows are written by a connection of their own that commits at once, so that they outlive a crash, and are
    removed when the outcome is on record. States, and who sets them:

    * claimed: set when a sender takes the request; no other sender does then. After a crash it is free again;
    * handed: set just before the text goes to the mail server. After a crash nobody can tell whether it arrived;
    * sent: set when the mail server has taken it;
    * later: set when the mail server couldn't take it now;
    * failed: set when the mail server refused it, or the message couldn't be made.
    """

    _name = "gdpr.consent.delivery"
    _description = "Consent Request Being Sent"

    request_id = fields.Many2one("gdpr.consent.request", required=True, ondelete="cascade")
    sender = fields.Integer(required=True, help="Number of the scheduled action that sends it.")
    state = fields.Selection(
        [
            ("claimed", "Claimed"),
            ("handed", "Handed Over"),
            ("sent", "Sent"),
            ("later", "To Be Tried Again"),
            ("failed", "Failed"),
        ],
        required=True,
        default="claimed",
    )
    message_id = fields.Char()
    reason = fields.Text()

    _request_uniq = models.UniqueIndex("(request_id)", "A request is sent by one sender at a time.")

    @api.model
    def _execute_now(self, query):
        """Run a statement whose effect lasts whatever becomes of the present transaction; give its rows, if any."""
        with self.env.registry.cursor() as cursor:
            # Where a server is told not to wait for the disk, here it has to: a crash must not undo it.
            cursor.execute("SET LOCAL synchronous_commit TO on")
            cursor.execute(query, log_exceptions=False)
            return cursor.fetchall() if cursor.description else []

    @api.autovacuum
    def _gc_settled(self):
        """Forget the messages of the mail queue whose outcome is on record: a crash may leave some."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM gdpr_consent_delivery delivery USING gdpr_consent_request request"
                " WHERE request.id = delivery.request_id AND delivery.sender = %s AND request.state != 'queued'",
                MAIL_QUEUE,
            )
        )
        self.invalidate_model()

    @api.model
    def _begin(self, request):
        """Note that the message of a request is being handed to the mail server by Odoo's own sending.

        The person is locked, so nobody else is sending it now. The note goes once the outcome is on record.

        :return: whether an earlier attempt was interrupted, so that nobody can tell whether the message arrived
        :rtype: bool
        """
        noted = self._execute_now(
            SQL(
                # A request that isn't committed yet was never sent before.
                "INSERT INTO gdpr_consent_delivery (request_id, sender, state)"
                " SELECT id, %s, 'handed' FROM gdpr_consent_request WHERE id = %s"
                " ON CONFLICT DO NOTHING RETURNING id",
                MAIL_QUEUE,
                request.id,
            )
        )
        request_ids = request.ids
        self.env.cr.postcommit.add(lambda: self._end(request_ids))
        return not noted and request.state == "queued" and bool(self._find_in_hands(request_ids))

    @api.model
    def _end(self, request_ids):
        with self.env.registry.cursor() as cursor:
            cursor.execute(
                SQL(
                    "DELETE FROM gdpr_consent_delivery WHERE request_id IN %s AND sender = %s",
                    tuple(request_ids),
                    MAIL_QUEUE,
                )
            )

    @api.model
    def _claim(self, sender, campaign, limit):
        """Take requests of a running campaign that are free and due.

        :param int sender: number of the sender
        :param campaign: the campaign
        :param int limit: how many at most
        :return: their ids, oldest first
        :rtype: list[int]
        :raise psycopg2.errors.SerializationFailure: another sender has just taken some of them
        """
        rows = self._execute_now(
            SQL(
                """
                INSERT INTO gdpr_consent_delivery (request_id, sender, state)
                SELECT free.id, %(sender)s, 'claimed'
                  FROM (SELECT request.id FROM gdpr_consent_request request
                          JOIN gdpr_consent_campaign campaign ON campaign.id = request.campaign_id
                         WHERE campaign.id = %(campaign)s AND campaign.state = 'running' AND %(due)s
                         ORDER BY request.id LIMIT %(limit)s
                           FOR UPDATE OF request SKIP LOCKED) free
                ON CONFLICT DO NOTHING
                RETURNING request_id
                """,
                sender=sender,
                campaign=campaign.id,
                due=self._get_due_condition(),
                limit=limit,
            )
        )
        return sorted(row[0] for row in rows)

    @api.model
    def _find_campaigns_to_send(self, except_ids):
        """Give the running campaigns that have something to send.

        :param set except_ids: campaigns that aren't asked for
        :rtype: list[int]
        """
        query = SQL(
            """
            SELECT campaign.id FROM gdpr_consent_campaign campaign
             WHERE campaign.state = 'running' AND campaign.id NOT IN %(except_ids)s
               AND EXISTS (SELECT 1 FROM gdpr_consent_request request
                            WHERE request.campaign_id = campaign.id AND %(due)s)
             ORDER BY campaign.id
            """,
            except_ids=tuple(except_ids) or (0,),
            due=self._get_due_condition(),
        )
        self.env.flush_all()
        return [campaign_id for (campaign_id,) in self.env.execute_query(query)]

    @api.model
    def _get_due_condition(self):
        return SQL(
            """
            request.state = 'queued' AND request.kind = 'first'
            AND (request.next_attempt_on IS NULL OR request.next_attempt_on <= %(now)s)
            AND NOT EXISTS (SELECT 1 FROM gdpr_consent_delivery delivery WHERE delivery.request_id = request.id)
            """,
            now=fields.Datetime.now(),
        )

    @api.model
    def _note(self, notes):
        """Note how far messages are, at once.

        :param list[tuple] notes: id of the request, state, Message-Id or None, reason or None
        """
        self._execute_now(
            SQL(
                "UPDATE gdpr_consent_delivery delivery"
                "   SET state = note.state, message_id = note.message_id, reason = note.reason"
                "  FROM (VALUES %s) AS note (request_id, state, message_id, reason)"
                " WHERE delivery.request_id = note.request_id",
                SQL(", ").join(
                    SQL("(%s, %s, %s::varchar, %s::text)", request_id, state, message_id, reason)
                    for request_id, state, message_id, reason in notes
                ),
            )
        )

    @api.model
    def _find_in_hands(self, request_ids):
        """Give which of these requests a sender has in its hands now, whatever this transaction can see.

        :rtype: set[int]
        """
        rows = self._execute_now(
            SQL("SELECT request_id FROM gdpr_consent_delivery WHERE request_id IN %s", tuple(request_ids) or (0,))
        )
        return {row[0] for row in rows}

    @api.model
    def _find_left_by(self, senders):
        """Give what these senders have in their hands: a row for each request.

        :rtype: list[tuple[int, str, str, str]]
        """
        return self.env.execute_query(
            SQL(
                "SELECT request_id, state, message_id, reason FROM gdpr_consent_delivery"
                " WHERE sender IN %s ORDER BY request_id",
                tuple(senders) or (0,),
            )
        )
