import { Component, onWillStart, toRaw, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { parseXML } from "@web/core/utils/xml";
import { Record } from "@web/model/record";
import { extractFieldsFromArchInfo } from "@web/model/relational_model/utils";
import { FormArchParser } from "@web/views/form/form_arch_parser";
import { FormRenderer } from "@web/views/form/form_renderer";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/**
 * A part of a form, for reading, whose fields come when it is shown and not with the record: its tab may never be
 * opened. The part is a form view of its own, `form_view_ref` in the options.
 */
export class LazyForm extends Component {
    static template = xml`
        <Record t-key="key" t-props="recordProps" t-slot-scope="read">
            <FormRenderer record="read.record" archInfo="archInfo"/>
        </Record>`;
    static components = { FormRenderer, Record };
    static props = { ...standardWidgetProps, formViewRef: String };

    setup() {
        this.viewService = useService("view");
        this.loads = 0;
        onWillStart(() => this.loadView());
    }

    /** What is shown is read anew whenever the record is. */
    get key() {
        const data = toRaw(this.props.record.data);
        if (data !== this.data) {
            this.data = data;
            this.loads += 1;
        }
        return this.loads;
    }

    get recordProps() {
        const { resModel, resId, context } = this.props.record;
        return { resModel, resId, context, ...this.fields, mode: "readonly" };
    }

    async loadView() {
        const { resModel } = this.props.record;
        const { fields, relatedModels, views } = await this.viewService.loadViews({
            resModel,
            views: [[false, "form"]],
            context: { ...user.context, form_view_ref: this.props.formViewRef },
        });
        const form = parseXML(views.form.arch);
        // Its parts alone: the form around them is there.
        const parts = form.ownerDocument.createElement("t");
        parts.append(...form.childNodes);
        this.archInfo = new FormArchParser().parse(parts, relatedModels, resModel);
        this.fields = extractFieldsFromArchInfo(this.archInfo, fields);
    }
}

registry.category("view_widgets").add("gdpr_lazy_form", {
    component: LazyForm,
    extractProps: ({ options }) => ({ formViewRef: options.form_view_ref }),
});
