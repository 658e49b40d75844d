import { deserializeDate, serializeDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { CalendarModel } from "@web/views/calendar/calendar_model";
import { calendarView } from "@web/views/calendar/calendar_view";

const { DateTime } = luxon;

/** Deadlines are a month away: where none is left in this month, the calendar opens at the next one. */
class RequestCalendarModel extends CalendarModel {
    async load(params = {}) {
        if (!this.meta.date && !params.date && !params.context?.initial_date) {
            const month = serializeDate(DateTime.local().startOf("month"));
            const [next] = await this.orm.searchRead(
                this.meta.resModel,
                [...(params.domain || []), ["due_on", ">=", month]],
                ["due_on"],
                { limit: 1, order: "due_on" }
            );
            const day = next && deserializeDate(next.due_on);
            if (day && !day.hasSame(DateTime.local(), "month")) {
                params = { ...params, date: day };
            }
        }
        return super.load(params);
    }

    /** Who asks what, before the number: a number alone tells nothing. */
    normalizeRecord(rawRecord) {
        const types = Object.fromEntries(this.fields.type.selection);
        // The name without the reference behind it, which would push the rest out of sight.
        const person = (rawRecord.person_in_words || "").replace(/\s*\([^()]*\)$/, "");
        const words = [types[rawRecord.type], person, rawRecord.name];
        return { ...super.normalizeRecord(rawRecord), title: words.filter(Boolean).join(" · ") };
    }
}

registry.category("views").add("gdpr_request_calendar", { ...calendarView, Model: RequestCalendarModel });
