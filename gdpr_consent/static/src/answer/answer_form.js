import { registry } from "@web/core/registry";
import { formView } from "@web/views/form/form_view";
import { FollowingFormController } from "../following_form/following_form";

const SECONDS = 3;
// What goes on in the background: what is held is read, or the files are written.
const UNDERWAY = ["collecting", "assembling"];

/** How far an answer is follows by itself, until somebody has to do something. */
class AnswerFormController extends FollowingFormController {
    getSeconds({ answer_state }) {
        return UNDERWAY.includes(answer_state) ? SECONDS : undefined;
    }
}

registry.category("views").add("gdpr_consent_answer_form", {
    ...formView,
    Controller: AnswerFormController,
});
