import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";

/**
 * A chart of the overview. Every part of it can be clicked; the same numbers stand beside it as text, so nothing is
 * told by the picture alone.
 */
export class OverviewChart extends Component {
    static template = "gdpr_consent.OverviewChart";
    static props = {
        label: String,
        // Gives the configuration of Chart.js; called anew at each rendering.
        getConfig: Function,
        // Called with the index of the series and of the point.
        onSelect: Function,
        class: { type: String, optional: true },
    };

    setup() {
        this.canvasRef = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(() => {
            const config = this.props.getConfig();
            config.options = {
                maintainAspectRatio: false,
                animation: false,
                ...config.options,
                onClick: (_event, [part]) => part && this.props.onSelect(part.datasetIndex, part.index),
                onHover: (event, parts) => {
                    event.native.target.style.cursor = parts.length ? "pointer" : "default";
                },
            };
            const chart = new window.Chart(this.canvasRef.el, config);
            return () => chart.destroy();
        });
    }
}
