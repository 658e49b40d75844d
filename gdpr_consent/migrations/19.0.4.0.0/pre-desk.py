"""The desk of data-subject requests: what is kept with each person and each request from now on."""


def migrate(cr, version):
    """Fill the new columns in one statement each, before the ORM looks: there may be a million people."""
    if not version:
        return
    cr.execute("ALTER TABLE gdpr_subject ADD COLUMN IF NOT EXISTS open_request_count int4")
    cr.execute(
        """
        UPDATE gdpr_subject SET open_request_count = asked.number
          FROM (SELECT subject_id, count(*) AS number FROM gdpr_subject_request
                 WHERE state IN ('new', 'verifying', 'in_progress') GROUP BY 1) asked
         WHERE asked.subject_id = gdpr_subject.id
        """
    )
    # How sure it is who asked follows from the way in.
    cr.execute("ALTER TABLE gdpr_subject_request ADD COLUMN IF NOT EXISTS assurance varchar")
    cr.execute(
        """
        UPDATE gdpr_subject_request
           SET assurance = CASE source WHEN 'portal' THEN 'login' WHEN 'email' THEN 'mailbox' ELSE 'none' END
        """
    )
