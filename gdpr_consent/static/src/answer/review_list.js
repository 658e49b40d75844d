import { useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Domain } from "@web/core/domain";
import { listView } from "@web/views/list/list_view";
import { ListController } from "@web/views/list/list_controller";

/** The review says how many texts and files are still to be decided. */
class ReviewListController extends ListController {
    static template = "gdpr_consent.ReviewListView";

    setup() {
        this.review = useState({ undecided: undefined });
        super.setup();
    }

    get modelParams() {
        const params = super.modelParams;
        const { onRootLoaded } = params.hooks;
        return {
            ...params,
            hooks: {
                ...params.hooks,
                onRootLoaded: async (root) => {
                    await onRootLoaded?.(root);
                    await this.count();
                },
            },
        };
    }

    /** Count those of the whole answer: what is searched for changes nothing of it. */
    async count() {
        const domain = Domain.and([this.props.domain, [["decision", "=", false]]]);
        this.review.undecided = await this.model.orm.searchCount(this.props.resModel, domain.toList());
    }

    get toDecide() {
        return _t("%s to decide", this.review.undecided);
    }
}

registry.category("views").add("gdpr_consent_review_list", {
    ...listView,
    Controller: ReviewListController,
});
