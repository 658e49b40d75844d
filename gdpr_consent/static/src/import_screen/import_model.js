import { BaseImportModel } from "@base_import/import_model";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

const SHOWN = 50;

function isUnusableConsent(message) {
    return message.type === "warning" && message.field === "gdpr_import_purposes";
}

/** A consent that can't be used is no error: its row is imported all the same. Odoo would take it for one. */
patch(BaseImportModel.prototype, {
    async _callImport(isTest, args) {
        const result = await super._callImport(isTest, args);
        const unusable = (result.messages || []).filter(isUnusableConsent);
        if (unusable.length) {
            result.messages = result.messages.filter((message) => !isUnusableConsent(message));
            if (isTest) {
                this._listUnusableConsents(unusable);
            } else {
                this._notifyOfUnusableConsents(unusable);
            }
        }
        return result;
    },

    _listUnusableConsents(messages) {
        const lines = [
            _t("These rows are imported, but their consent can't be used:"),
            ...messages.slice(0, SHOWN).map((message) => message.message),
        ];
        if (messages.length > SHOWN) {
            lines.push(_t("And %s more.", messages.length - SHOWN));
        }
        this._addMessage("warning", lines);
    },

    _notifyOfUnusableConsents(messages) {
        this.notificationService.add(
            _t(
                "Consents that can't be used: %s. The filter “Consent: Imported Without Proof” shows the records, their Data Privacy tab says why.",
                messages.length
            ),
            { type: "warning", sticky: true }
        );
    },
});
