"""PostgreSQL triggers that keep the ledger as it was written."""

from odoo.tools import SQL

FUNCTION_NAME = "gdpr_consent_refuse_change"


def forbid_changes(cr, table, operations):
    """Make PostgreSQL refuse some operations on a table, whoever asks.

    :param cr: database cursor
    :param str table: name of the table
    :param str operations: of ``UPDATE``, ``DELETE``, joined by ``OR``; emptying the table
        at once (``TRUNCATE``) is refused always
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
        (f"{table}_refuse_change", operations, "ROW"),
        (f"{table}_refuse_truncate", "TRUNCATE", "STATEMENT"),
    ):
        cr.execute(
            SQL(
                "CREATE OR REPLACE TRIGGER %s BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION %s()",
                SQL.identifier(name),
                SQL(when),
                SQL.identifier(table),
                SQL(level),
                SQL.identifier(FUNCTION_NAME),
            )
        )
