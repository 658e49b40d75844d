import { SendSMSButton } from "@sms/components/sms_button/sms_button";
import { patch } from "@web/core/utils/patch";

/** A number of a person who doesn't want text messages says so, where the form of the record knows. */
patch(SendSMSButton.prototype, {
    /** Why the person gets none: `explanation`, and `restricted` where none is allowed. */
    get gdprDenial() {
        return this.props.record.data.gdpr_channel_denials?.sms;
    },
});
