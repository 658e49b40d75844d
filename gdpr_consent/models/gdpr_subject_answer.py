import uuid

from odoo import api, fields, models


class GdprSubject(models.Model):
    """What people say, as acts for the one door in: an answer, a withdrawal. Of one person or of many at once."""

    _inherit = "gdpr.subject"

    def _record_answer(self, version, choices, offered=None, keep_present=False, heads=None, **act):
        """Record the answer of these people to a form: of each one event for each purpose that was offered.

        A purpose that isn't chosen is refused, or withdrawn when it had been given. Agreeing to marketing
        lifts an earlier objection to all of it.

        :param gdpr.consent.form.version version: what they saw
        :param dict[int, list[str]] choices: the channel codes allowed, by id of each purpose agreed to
        :param gdpr.purpose offered: the purposes they decided on, default all of the form
        :param bool keep_present: the present choices were ticked already: what was left as it is, or narrowed, is
            no new consent and lasts no longer
        :param dict heads: as for ``_record_answers``
        :param act: further values for ``_record_acts``; ``values`` go to the first event of each person
        """
        answer = {"version": version, "choices": choices, "offered": offered, "keep_present": keep_present, **act}
        return self._record_answers([{**answer, "person": person} for person in self], heads)

    @api.model
    def _record_answers(self, answers, heads=None):
        """Record answers that differ from person to person, all at once.

        :param list[dict] answers: each with ``person`` and what ``_record_answer`` takes
        :param dict heads: of the persons, where the caller has just locked them (see ``_lock_heads``)
        """
        # Browsed together, so that all of them are read at once.
        histories = self.browse(dict.fromkeys(answer["person"].id for answer in answers))
        if heads:
            histories.invalidate_recordset()
        else:
            histories.fetch(["root_id"])
        roots = {history.id: history.root_id.id for history in histories}
        people = self.browse(sorted(set(roots.values())))
        if not heads or not heads.keys() >= {*people.ids}:
            heads = people._lock_heads()
            people.invalidate_recordset()
        people = {person.id: person for person in people}
        now = fields.Datetime.now()
        acts = []
        for answer in answers:
            person = people[roots[answer["person"].id]]
            acts += person._prepare_answer(**{"occurred_on": now} | answer)
        return self._record_acts(acts, heads) if acts else self.env["gdpr.consent.event"]

    def _prepare_answer(self, person, version, choices, offered=None, keep_present=False, **act):
        """Give the acts of this person's answer; ``person`` may be a history that goes on in this one."""
        offered = offered or version._get_purposes()
        act["occurred_on"] = act["occurred_on"] or fields.Datetime.now()
        first = {"values": act.pop("values", {}), "attachment": act.pop("attachment", None)}
        common = {
            "company_id": version.form_id.company_id.id,
            "version_id": version.id,
            **act,
            "subject_id": self.id,
            "act": uuid.uuid4().hex,
        }
        said = self._prepare_choices(choices, offered, keep_present)
        for event in said:
            if event["action"] == "given":
                purpose = self.env["gdpr.purpose"].sudo().browse(event["purpose_id"])
                event["expires_on"] = purpose._get_expiry(act["occurred_on"])
        agreed = offered.filtered(lambda purpose: purpose.id in choices)
        if self.objected and "marketing" in agreed.mapped("message_class"):
            said.append({"action": "objection_lifted", "version_id": None})
        if said:
            said[0] |= first
        return [{**common, **event} for event in said]

    def _prepare_choices(self, choices, offered, keep_present):
        """Give what a person's answer says of each purpose."""
        given = set(self.consent_ids.filtered(lambda consent: consent.state == "given").purpose_id.ids)
        kept = self._get_kept_choices(choices) if keep_present else {}
        said = []
        for purpose_id in offered.ids:
            if purpose_id not in kept:
                denial = "withdrawn" if purpose_id in given else "refused"
                action = "given" if purpose_id in choices else denial
                said.append({"action": action, "purpose_id": purpose_id, "channel_codes": choices.get(purpose_id)})
            elif kept[purpose_id]:
                said.append(
                    {"action": "channels_withdrawn", "purpose_id": purpose_id, "channel_codes": kept[purpose_id]}
                )
        return said

    def _get_kept_choices(self, choices):
        """Give the channel codes that choices take back, by id of each purpose that stays given; it may be none.

        What widens a consent, or renews it when that was asked for, is given anew.
        """
        renewing = self.request_ids.filtered(lambda request: request.kind == "renewal" and request.state == "sent")
        kept = {}
        for consent in self.consent_ids.filtered(lambda consent: consent.state == "given"):
            allowed = consent.channel_ids.mapped("code")
            chosen = choices.get(consent.purpose_id.id)
            if chosen is not None and set(chosen) <= set(allowed) and not consent.renewal_due and not renewing:
                kept[consent.purpose_id.id] = [code for code in allowed if code not in chosen]
        return kept

    def _record_withdrawal(self, purposes=None, **act):
        """Record that these people take consent back, or say no before having been heard.

        :param gdpr.purpose purposes: default, of each all that were given or were asked for
        :return: the events; none of those who had withdrawn all already
        """
        people = self._lock_people()
        acts = people._prepare_withdrawal(purposes, **act)
        events = self._record_acts(acts) if acts else self.env["gdpr.consent.event"]
        # An open question is answered by a withdrawal too: its link can't grant any more.
        people.request_ids._close_answered()
        return events

    def _prepare_withdrawal(self, purposes=None, **act):
        """Give the acts of a withdrawal; none of those who had withdrawn all already."""
        mark = act.pop("act", None)
        values = act.pop("values", {})
        asked_by_request = self.request_ids._get_offered_by_request()
        acts = []
        for person in self:
            consents = person.consent_ids
            open_requests = person.request_ids.filtered(lambda request: request.state in ("queued", "sent"))
            asked = self.env["gdpr.purpose"].union(*(asked_by_request[request] for request in open_requests))
            taken_back = purposes
            if purposes is None:
                taken_back = consents.filtered(lambda consent: consent.state == "given").purpose_id | asked
                if not consents:
                    taken_back = asked.union(*(asked_by_request[request] for request in person.request_ids))
            # What was denied before and is asked again isn't answered yet.
            done = consents.filtered(lambda consent: consent.state in ("withdrawn", "refused")).purpose_id - asked
            common = {**act, "subject_id": person.id, "act": mark or uuid.uuid4().hex, "action": "withdrawn"}
            said = [{**common, "purpose_id": purpose.id} for purpose in taken_back - done]
            if said:
                said[0]["values"] = values
            acts += said
        return acts

    def _record_channels_withdrawal(self, channels_by_purpose, **act):
        """Record that a person takes single channels back. A purpose left without a channel is withdrawn.

        :param dict[int, set[str]] channels_by_purpose: the channel codes taken back, by id of the purpose
        :return: the events; none when nothing of it was allowed
        """
        subject = self._lock_person()
        mark = uuid.uuid4().hex
        values = act.pop("values", {})
        acts = []
        for consent in subject.consent_ids.filtered(lambda consent: consent.state == "given"):
            allowed = consent.channel_ids.mapped("code")
            taken_back = [code for code in allowed if code in channels_by_purpose.get(consent.purpose_id.id, ())]
            if not taken_back:
                continue
            narrowed = len(taken_back) < len(allowed)
            acts.append(
                {
                    **act,
                    "subject_id": subject.id,
                    "act": mark,
                    "action": "channels_withdrawn" if narrowed else "withdrawn",
                    "purpose_id": consent.purpose_id.id,
                    "channel_codes": taken_back if narrowed else None,
                }
            )
        if not acts:
            return self.env["gdpr.consent.event"]
        acts[0]["values"] = values
        return subject._record_acts(acts)

    def _record_note(self, **act):
        """Record what a person writes without deciding anything.

        :return: the event; none when the person has just written the same
        """
        subject = self._lock_person()
        last = self.env["gdpr.consent.event"].search([("subject_id.root_id", "=", subject.id)], limit=1)
        if last.action == "noted" and last._get_value("note") == act["values"]["note"]:
            return self.env["gdpr.consent.event"]
        return subject._record_acts([{**act, "subject_id": subject.id, "action": "noted"}])

    def _lock_person(self):
        """Wait for others who write this person's history; give the person as it is then.

        :rtype: gdpr.subject
        """
        self.ensure_one()
        return self._lock_people()

    def _lock_people(self):
        """Wait for others who write these people's histories; give the people as they are then, in one order.

        :rtype: gdpr.subject
        """
        # Browsed anew, so that all of them are read at once.
        people = self.browse(sorted(self.root_id.ids))
        people._lock_heads()
        people.invalidate_recordset()
        return people

    def _get_answer_events(self):
        """Give what the person was asked and said, oldest first."""
        self.ensure_one()
        told = (
            "asked",
            "declared",
            "given",
            "refused",
            "withdrawn",
            "channels_withdrawn",
            "objected",
            "noted",
            "expired",
        )
        return self.sudo().history_ids.filtered(lambda event: event.action in told).sorted("id")

    def _has_answer(self, choices):
        """Tell whether exactly these choices are on record already."""
        self.ensure_one()
        given = self.root_id.consent_ids.filtered(lambda consent: consent.state == "given")
        return {consent.purpose_id.id: set(consent.channel_ids.mapped("code")) for consent in given} == {
            purpose_id: set(codes) for purpose_id, codes in choices.items()
        }
