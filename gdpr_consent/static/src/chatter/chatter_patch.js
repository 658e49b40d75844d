import { Chatter } from "@mail/chatter/web_portal/chatter";
import { fields } from "@mail/core/common/record";
import { Thread } from "@mail/core/common/thread_model";

import { patch } from "@web/core/utils/patch";

/** Who is written to on a record and has closed the channel: `explanation`, and `restricted` where no message leaves. */
patch(Thread.prototype, {
    setup() {
        super.setup(...arguments);
        this.gdpr_denials = fields.Attr([]);
    },
});

/** Asked for when somebody begins to write, or changes who is written to: most records are opened for other things. */
patch(Chatter.prototype, {
    async updateRecipients(_record, mode = this.state.composerType) {
        await super.updateRecipients(...arguments);
        if (mode === "message") {
            await this.load(this.state.thread, ["gdprDenials"]);
        }
    },
});
