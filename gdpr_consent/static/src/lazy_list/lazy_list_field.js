import { Component, onWillStart, xml } from "@odoo/owl";
import { user } from "@web/core/user";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { parseXML } from "@web/core/utils/xml";
import { Record } from "@web/model/record";
import { extractFieldsFromArchInfo } from "@web/model/relational_model/utils";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { X2ManyField } from "@web/views/fields/x2many/x2many_field";
import { ListArchParser } from "@web/views/list/list_arch_parser";

/**
 * A list for reading whose lines come when it is shown, not with the record: its tab may never be opened.
 *
 * The record itself brings the ids. The list view is the one that `list_view_ref` in the context of the field names.
 */
export class LazyListField extends Component {
    static template = xml`
        <Record t-key="key" t-props="recordProps">
            <t t-set-slot="default" t-slot-scope="read">
                <X2ManyField t-props="listProps" record="read.record"/>
            </t>
        </Record>`;
    static components = { Record, X2ManyField };
    static props = { ...standardFieldProps, context: Object, string: { type: String, optional: true } };

    setup() {
        this.viewService = useService("view");
        onWillStart(() => this.loadView());
    }

    get field() {
        return this.props.record.fields[this.props.name];
    }

    /** Other lines are read anew. */
    get key() {
        const { record, name } = this.props;
        return [record.resId, ...record.data[name].currentIds].join();
    }

    get recordProps() {
        const { record, name } = this.props;
        const { limit, defaultOrder, fields } = this.view;
        const related = extractFieldsFromArchInfo(this.view, fields);
        return {
            resModel: record.resModel,
            resId: record.resId,
            context: record.context,
            fields: { [name]: this.field },
            activeFields: { [name]: { related, limit, defaultOrderBy: defaultOrder } },
        };
    }

    get listProps() {
        const { name, context, string } = this.props;
        return {
            name,
            context,
            string,
            readonly: true,
            viewMode: "list",
            views: { list: this.view },
            relatedFields: this.view.fields,
            crudOptions: {},
        };
    }

    async loadView() {
        const { relation } = this.field;
        const { fields, relatedModels, views } = await this.viewService.loadViews({
            resModel: relation,
            views: [[false, "list"]],
            context: { ...user.context, ...this.props.context },
        });
        const view = new ListArchParser().parse(parseXML(views.list.arch), relatedModels, relation);
        this.view = { ...view, limit: view.limit || 40, fields };
    }
}

registry.category("fields").add("gdpr_lazy_list", {
    component: LazyListField,
    supportedTypes: ["one2many", "many2many"],
    additionalClasses: ["o_field_one2many"],
    extractProps: ({ string }, { context }) => ({ string, context }),
});
