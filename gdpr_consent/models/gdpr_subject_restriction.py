from odoo import api, models


class GdprSubject(models.Model):
    """Whose data is only stored: the processing is suspended (article 18, law.md R-61), and taken up again."""

    _inherit = "gdpr.subject"

    # A message that leaves asks whether there is anybody at all.
    _restricted_index = models.Index("(id) WHERE restricted")

    def _record_restriction(self, **act):
        """Record that the data of these people is only stored from now on.

        :param act: further values for ``_record_acts``
        :return: the events; none for those who are restricted already
        """
        return self._record_restrictions(dict.fromkeys(self, act))

    @api.model
    def _record_restrictions(self, acts):
        """Record for each of these people, each for an own reason, that the data is only stored from now on.

        :param dict[gdpr.subject, dict] acts: further values for ``_record_acts``, by person
        """
        people = self.union(*acts)._lock_people().filtered(lambda person: not person.restricted)
        acts = {person.root_id.id: act for person, act in acts.items()}
        acts = [{**acts[person.id], "subject_id": person.id, "action": "restricted"} for person in people]
        return self._record_acts(acts) if acts else self.env["gdpr.consent.event"]

    def _record_exemption(self, reason):
        """Record why a message goes to these people although the processing is suspended (article 18(2)).

        :param str reason: in the officer's words
        """
        people = self._lock_people().filtered("restricted")
        return self._record_acts(
            [{"subject_id": person.id, "action": "exempted", "values": {"reason": reason}} for person in people]
        )
