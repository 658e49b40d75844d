"""Plans made earlier know until when the law demands what they keep."""


def migrate(cr, version):
    """Take the end on record for it, where the ground of the map, or of the kept document, is a legal obligation."""
    if not version:
        return
    cr.execute(
        """
        UPDATE gdpr_erasure_plan_line line
           SET obliged_until = line.keep_until
          FROM gdpr_data_map place
         WHERE place.id = line.map_id
           AND line.proposed_action = 'keep' AND line.action = 'keep'
           AND CASE line.part WHEN 'all' THEN place.keep_ground ELSE line.ground END = 'legal_obligation'
        """
    )
