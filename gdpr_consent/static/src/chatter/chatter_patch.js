import { Thread } from "@mail/core/common/thread_model";
import { fields } from "@mail/core/common/record";

import { patch } from "@web/core/utils/patch";

/** Who is written to on a record and has closed the channel: `explanation`, and `restricted` where no message leaves. */
patch(Thread.prototype, {
    setup() {
        super.setup(...arguments);
        this.gdpr_denials = fields.Attr([]);
    },
});
