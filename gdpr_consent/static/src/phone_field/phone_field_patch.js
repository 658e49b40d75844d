import { patch } from "@web/core/utils/patch";
import { PhoneField } from "@web/views/fields/phone/phone_field";

/** A number of a person who doesn't want to be called says so, where the form of the record knows. */
patch(PhoneField.prototype, {
    /** Why the person isn't to be called: `explanation`, and `restricted` where no call is allowed. */
    get gdprDenial() {
        return this.props.record.data.gdpr_channel_denials?.phone;
    },
});
