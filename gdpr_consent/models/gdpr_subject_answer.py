import uuid

from odoo import fields, models


class GdprSubject(models.Model):
    """What a person says, as acts for the one door in: an answer, a withdrawal."""

    _inherit = "gdpr.subject"

    def _record_answer(self, version, choices, offered=None, keep_present=False, **act):
        """Record a person's answer to a form: one event for each purpose that was offered.

        A purpose that isn't chosen is refused, or withdrawn when it had been given. Agreeing to marketing
        lifts an earlier objection to all of it.

        :param gdpr.consent.form.version version: what the person saw
        :param dict[int, list[str]] choices: the channel codes allowed, by id of each purpose agreed to
        :param gdpr.purpose offered: the purposes the person decided on, default all of the form
        :param bool keep_present: the present choices were ticked already: what was left as it is, or narrowed, is
            no new consent and lasts no longer
        :param act: further values for ``_record_acts``; ``values`` go to the first event of the act
        """
        subject = self._lock_person()
        mark = uuid.uuid4().hex
        occurred_on = act.pop("occurred_on", None) or fields.Datetime.now()
        values = act.pop("values", {})
        attachment = act.pop("attachment", None)
        act.setdefault("company_id", version.form_id.company_id.id)
        given = set(subject.consent_ids.filtered(lambda consent: consent.state == "given").purpose_id.ids)
        offered = offered or version._get_purposes()
        kept = subject._get_kept_choices(choices) if keep_present else {}
        acts = []
        for purpose in offered:
            chosen = purpose.id in choices
            if purpose.id in kept:
                if kept[purpose.id]:
                    acts.append(
                        {
                            **act,
                            "subject_id": subject.id,
                            "act": mark,
                            "action": "channels_withdrawn",
                            "purpose_id": purpose.id,
                            "channel_codes": kept[purpose.id],
                            "occurred_on": occurred_on,
                            "version_id": version.id,
                        }
                    )
                continue
            acts.append(
                {
                    **act,
                    "subject_id": subject.id,
                    "act": mark,
                    "action": "given" if chosen else "withdrawn" if purpose.id in given else "refused",
                    "purpose_id": purpose.id,
                    "channel_codes": choices.get(purpose.id),
                    "occurred_on": occurred_on,
                    "expires_on": purpose._get_expiry(occurred_on) if chosen else None,
                    "version_id": version.id,
                }
            )
        agreed = offered.filtered(lambda purpose: purpose.id in choices)
        if subject.objected and "marketing" in agreed.mapped("message_class"):
            acts.append(
                {**act, "subject_id": subject.id, "act": mark, "action": "objection_lifted", "occurred_on": occurred_on}
            )
        if acts:
            acts[0] |= {"values": values, "attachment": attachment}
        return subject._record_acts(acts) if acts else self.env["gdpr.consent.event"]

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
        """Record that a person takes consent back, or says no before having been heard.

        :param gdpr.purpose purposes: default, all that were given or were asked for
        :return: the events; none when all was withdrawn already
        """
        subject = self._lock_person()
        acts = subject._prepare_withdrawal(purposes, **act)
        events = subject._record_acts(acts) if acts else self.env["gdpr.consent.event"]
        # An open question is answered by a withdrawal too: its link can't grant any more.
        subject.request_ids._close_answered()
        return events

    def _prepare_withdrawal(self, purposes=None, **act):
        """Give the acts of a withdrawal; none when all was withdrawn already."""
        consents = self.consent_ids
        asked = self.request_ids.filtered(lambda request: request.state in ("queued", "sent"))._get_asked_purposes()
        if purposes is None:
            purposes = consents.filtered(lambda consent: consent.state == "given").purpose_id | asked
            if not consents:
                purposes = self.request_ids._get_asked_purposes()
        # What was denied before and is asked again isn't answered yet.
        done = consents.filtered(lambda consent: consent.state in ("withdrawn", "refused")).purpose_id - asked
        mark = act.pop("act", None) or uuid.uuid4().hex
        values = act.pop("values", {})
        acts = [
            {**act, "subject_id": self.id, "act": mark, "action": "withdrawn", "purpose_id": purpose.id}
            for purpose in purposes - done
        ]
        if acts:
            acts[0]["values"] = values
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
        person = self.root_id
        person._lock_heads()
        person.invalidate_recordset()
        return person

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
