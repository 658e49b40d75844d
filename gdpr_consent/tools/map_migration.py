"""Rows of the data map aren't updated by themselves, so that what an administrator changed stays."""


def bring_up_to_date(cr, changes):
    """Change the shipped rows of the data map that are as they were shipped.

    :param dict changes: by the name of the row's external id, by column: what was shipped, and what is now
    """
    for name, columns in changes.items():
        # Names of columns written in a migration, nothing from outside.
        same = " AND ".join(f"place.{column} IS NOT DISTINCT FROM %s" for column in columns)
        cr.execute(
            f"""
            UPDATE gdpr_data_map place SET {", ".join(f"{column} = %s" for column in columns)}
              FROM ir_model_data known
             WHERE known.module = 'gdpr_consent' AND known.name = %s AND known.model = 'gdpr.data.map'
               AND place.id = known.res_id AND {same}
            """,
            [*(new for _old, new in columns.values()), name, *(old for old, _new in columns.values())],
        )
