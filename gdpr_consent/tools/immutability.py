"""PostgreSQL triggers that keep the ledger as it was written."""

from odoo.tools import SQL

FUNCTION_NAME = "gdpr_consent_refuse_change"


def forbid_changes(cr, table, operations, condition=None):
    """Make PostgreSQL refuse some operations on a table, whoever asks.

    :param cr: database cursor
    :param str table: name of the table
    :param str operations: of ``UPDATE``, ``DELETE``, joined by ``OR``; emptying the table
        at once (``TRUNCATE``) is refused always
    :param SQL condition: of a row (``OLD``) that must not change any more; default, each
    """
    cr.execute(
        SQL(
            """
            CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'The consent ledger is append-only: %% on %% is refused',
                    TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
            END $$
            """,
            SQL.identifier(FUNCTION_NAME),
        )
    )
    for name, when, level in (
        (f"{table}_refuse_change", operations, SQL("ROW WHEN (%s)", condition) if condition else SQL("ROW")),
        (f"{table}_refuse_truncate", "TRUNCATE", SQL("STATEMENT")),
    ):
        cr.execute(
            SQL(
                "CREATE OR REPLACE TRIGGER %s BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION %s()",
                SQL.identifier(name),
                SQL(when),
                SQL.identifier(table),
                level,
                SQL.identifier(FUNCTION_NAME),
            )
        )
