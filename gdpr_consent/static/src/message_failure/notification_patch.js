import { Notification } from "@mail/core/common/notification_model";

import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

patch(Notification.prototype, {
    get failureMessage() {
        return this.failure_type === "gdpr_restricted"
            ? _t("Processing suspended")
            : super.failureMessage;
    },
});
