import { Component, onWillStart, useState } from "@odoo/owl";
import { cookie } from "@web/core/browser/cookie";
import { getBorderWhite, getColor, getCustomColor } from "@web/core/colors/colors";
import { deserializeDateTime, formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

import { OverviewChart } from "./overview_chart";

// As the badges of the lists show them: green for yes, red for no, amber for what waits.
const COLORS = {
    never_looked_at: ["#d8dadd", "#3c3e4b"],
    not_applicable: ["#9a9ca5", "#6b6d79"],
    pending: ["#f4d58d", "#8a6d1f"],
    waiting: ["#e99d00", "#c98a0a"],
    obtained: ["#28a745", "#2c8f45"],
    refused: ["#d23f3a", "#b83a36"],
    withdrawn: ["#e88a87", "#8f3b39"],
    expired: ["#b56bd3", "#8d55a5"],
    no_response: ["#d9b8e6", "#5f4a69"],
};
const BASES = ["contract", "legal_obligation", "vital_interests", "public_interest", "legitimate_interests"];

/** The first screen of the app: where the company stands with its people's data. Each number opens its records. */
export class Overview extends Component {
    static template = "gdpr_consent.Overview";
    static components = { Layout, OverviewChart };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.colorScheme = cookie.get("color_scheme");
        this.titles = { expiring: _t("Consents about to expire"), requests: _t("Requests to answer") };
        this.state = useState({ figures: null });
        onWillStart(() => this.load());
    }

    async load() {
        this.state.figures = await this.orm.call("gdpr.overview", "get_figures", []);
    }

    get figures() {
        return this.state.figures;
    }

    // ------------------------------------------------------------
    // WHAT IS SHOWN
    // ------------------------------------------------------------

    format(count) {
        return formatInteger(count);
    }

    countRecords(kind) {
        return kind.count === 1 ? _t("1 record") : _t("%s records", formatInteger(kind.count));
    }

    countRestricted(kind) {
        return _t("Processing suspended: %s", formatInteger(kind.restricted_count));
    }

    get verificationFaults() {
        return _t("%s faults found", formatInteger(this.figures.verification.fault_count));
    }

    get verificationDetails() {
        const { event_count, subject_count, verified_on } = this.figures.verification;
        return _t("%(events)s events of %(people)s people, verified on %(time)s", {
            events: formatInteger(event_count),
            people: formatInteger(subject_count),
            time: formatDateTime(deserializeDateTime(verified_on)),
        });
    }

    formatShare(count, total) {
        if (!total) {
            return "";
        }
        // As on paper: what isn't none, or isn't all, doesn't read as such.
        const share = Math.round((100 * count) / total);
        if (count && !share) {
            return "< 1 %";
        }
        return share === 100 && count < total ? "> 99 %" : `${share} %`;
    }

    getColor(key) {
        if (key in COLORS) {
            return getCustomColor(this.colorScheme, ...COLORS[key]);
        }
        return getColor(BASES.indexOf(key), this.colorScheme, "sm");
    }

    getGroups(kind) {
        const titles = {
            consent: _t("Consent"),
            basis: _t("Other legal bases"),
            not_applicable: _t("Not applicable"),
        };
        return Object.entries(titles).map(([key, title]) => {
            const segments = kind.segments.filter((segment) => segment.group === key);
            const count = segments.reduce((sum, segment) => sum + segment.count, 0);
            return { key, title, count, segments };
        });
    }

    getShown(kind) {
        return kind.segments.filter((segment) => segment.count);
    }

    getKindChart(kind) {
        const shown = this.getShown(kind);
        return {
            type: "doughnut",
            data: {
                labels: shown.map((segment) => segment.label),
                datasets: [
                    {
                        data: shown.map((segment) => segment.count),
                        backgroundColor: shown.map((segment) => this.getColor(segment.key)),
                        borderColor: getBorderWhite(this.colorScheme),
                    },
                ],
            },
            options: { cutout: "62%", plugins: { legend: { display: false } } },
        };
    }

    getTrendChart() {
        const { weeks, series } = this.figures.trend;
        const keys = { asked: "waiting", answered: null, given: "obtained", withdrawn: "refused" };
        const textColor = getCustomColor(this.colorScheme, "#111827", "#e4e4e4");
        const gridColor = getCustomColor(this.colorScheme, "#d8dadd", "#3c3e4b");
        return {
            type: "bar",
            data: {
                labels: weeks.map((week) => week.label),
                datasets: series.map(({ key, label, counts }) => {
                    const color = keys[key] ? this.getColor(keys[key]) : getColor(0, this.colorScheme, "sm");
                    return {
                        label,
                        data: counts,
                        backgroundColor: color,
                    };
                }),
            },
            options: {
                plugins: { legend: { position: "bottom", labels: { color: textColor, usePointStyle: true } } },
                scales: {
                    x: { ticks: { color: textColor }, grid: { display: false } },
                    y: { beginAtZero: true, ticks: { color: textColor, precision: 0 }, grid: { color: gridColor } },
                },
            },
        };
    }

    // ------------------------------------------------------------
    // WHERE A CLICK LEADS
    // ------------------------------------------------------------

    open(name, model, domain, views = ["list", "form"]) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name,
            res_model: model,
            domain,
            views: views.map((view) => [false, view]),
        });
    }

    openSegment(kind, segment) {
        return this.open(`${kind.name}: ${segment.label}`, kind.model, segment.domain, ["list", "kanban", "form"]);
    }

    openGroup(kind, group) {
        const domain = kind.group_domains[group.key];
        return this.open(`${kind.name}: ${group.title}`, kind.model, domain, ["list", "kanban", "form"]);
    }

    openKind(kind) {
        return this.open(kind.name, kind.model, kind.domain, ["list", "kanban", "form"]);
    }

    openRestricted(kind) {
        const name = `${kind.name}: ${_t("Processing Suspended")}`;
        return this.open(name, kind.model, kind.restricted_domain, ["list", "kanban", "form"]);
    }

    openWeek(seriesIndex, weekIndex) {
        const series = this.figures.trend.series[seriesIndex];
        const week = this.figures.trend.weeks[weekIndex];
        return this.open(`${series.label}: ${week.label}`, "gdpr.subject", series.domains[weekIndex]);
    }

    openVerifications() {
        return this.action.doAction("gdpr_consent.gdpr_ledger_verification_action");
    }

    print() {
        return this.action.doAction("gdpr_consent.gdpr_overview_report");
    }
}

registry.category("actions").add("gdpr_consent.overview", Overview);
