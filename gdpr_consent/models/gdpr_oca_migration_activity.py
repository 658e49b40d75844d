import json
from collections import namedtuple

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, html2plaintext, html_sanitize

from ..tools import ledger

# ``form`` and ``purpose`` are empty where the activity isn't brought over; ``channel_codes`` are those agreed to.
Activity = namedtuple("Activity", "id name form purpose channel_codes is_new")


class GdprOcaMigration(models.AbstractModel):
    """The activities people were asked about: each becomes a purpose, with the words as far as they are known."""

    _inherit = "gdpr.oca.migration"

    @api.model
    def _prepare_activities(self, purpose_codes, company):
        """Give the activities that people were asked about, with their purpose and wording; make those that lack.

        :rtype: dict[int, Activity]
        :raise UserError: an activity or a purpose that was named doesn't exist, or can't be used
        """
        rows = self._read_activities()
        unknown = purpose_codes.keys() - {row["id"] for row in rows}
        if unknown:
            raise UserError(self.env._("No consents belong to these activities: %(ids)s.", ids=sorted(unknown)))
        companies = self.env["res.company"].search([("partner_id", "in", [row["controller_id"] for row in rows])])
        companies = {controller.partner_id.id: controller for controller in companies}
        forms = self.env["gdpr.consent.form"].with_context(active_test=False)
        email = self.env.ref("gdpr_consent.channel_email")
        activities = {}
        for row in rows:
            controller = companies.get(row["controller_id"], company)
            form = forms.browse(row["gdpr_form_id"] or ()).exists()
            purpose = form._get_version()._get_purposes() if form else form.purpose_ids
            code = purpose_codes.get(row["id"])
            if form and code and code != purpose.code:
                raise UserError(
                    self.env._(
                        "The activity %(id)s was brought over to the purpose “%(code)s” already.",
                        id=row["id"],
                        code=purpose.code,
                    )
                )
            is_new = False
            if not form and controller:
                purpose = self._find_purpose(row, controller, code)
                is_new = not purpose
                purpose = purpose or self._make_purpose(row, controller)
                form = self._freeze_wording(row, controller, purpose)
            # Nobody was asked for another way of contact than the one they were asked by.
            codes = (purpose.channel_ids & email).mapped("code")
            activities[row["id"]] = Activity(row["id"], self._get_text(row["name"]), form, purpose, codes, is_new)
        return activities

    @api.model
    def _read_activities(self):
        """Give the activities with consents. Their texts are JSON by language since Odoo 16, plain before."""
        self.env.cr.execute(
            "SELECT id, to_jsonb(name) AS name, to_jsonb(description) AS description, controller_id, gdpr_form_id,"
            " active IS NOT FALSE AS active FROM privacy_activity"
            " WHERE EXISTS (SELECT 1 FROM privacy_consent WHERE activity_id = privacy_activity.id) ORDER BY id"
        )
        return self.env.cr.dictfetchall()

    @api.model
    def _get_text(self, value, lang=None):
        """Give a text in a language, else in whatever there is."""
        if isinstance(value, dict):
            value = value.get(lang) or value.get("en_US") or next(filter(None, value.values()), None)
        return value or ""

    @api.model
    def _find_purpose(self, row, company, code):
        """Give the purpose the operator chose, or one made before; empty when there is none yet."""
        purposes = self.env["gdpr.purpose"].with_context(active_test=False).with_company(company)
        purpose = purposes._get_by_codes([code or f"oca_activity_{row['id']}"]).sorted(lambda one: not one.company_id)
        if code and not purpose:
            raise UserError(self.env._("There is no purpose “%(code)s”.", code=code))
        if purpose and purpose[0].legal_basis != "consent":
            raise UserError(self.env._("The purpose “%(code)s” isn't based on consent.", code=code))
        return purpose[:1]

    @api.model
    def _make_purpose(self, row, company):
        """Make the purpose of an activity. What its people must be told of the data is left to who uses it anew."""
        purpose = self.env["gdpr.purpose"].create(
            {
                "name": self._get_text(row["name"]),
                "description": html2plaintext(self._get_text(row["description"])),
                "code": f"oca_activity_{row['id']}",
                "company_id": company.id,
                "active": row["active"],
                "dpv_purpose": "Purpose",
                "data_category_ids": False,
                "channel_ids": self.env.ref("gdpr_consent.channel_email").ids,
            }
        )
        for lang, _name in self.env["res.lang"].get_installed():
            purpose.with_context(lang=lang).write(
                {
                    "name": self._get_text(row["name"], lang),
                    "description": html2plaintext(self._get_text(row["description"], lang)),
                }
            )
        return purpose

    @api.model
    def _freeze_wording(self, row, company, purpose):
        """Freeze what is known of the words that people saw, on an archived form: nobody is asked with it.

        It says of itself that it is reconstructed. What each person was sent is kept with the answer.
        """
        name = self._get_text(row["name"])
        form = self.env["gdpr.consent.form"].create(
            {
                "name": self.env._("%(activity)s (privacy_consent)", activity=name),
                "title": name,
                "active": False,
                "company_id": company.id,
                "purpose_ids": purpose.ids,
                "version_number": 1,
            }
        )
        form.version_ids.sudo().create(
            [
                {
                    **form._prepare_version_values(lang),
                    "content": content,
                    "sha256": ledger.sha256(content),
                    "is_reconstructed": True,
                }
                for lang in form._get_languages()
                for content in [self._reconstruct_wording(row, form, purpose, lang)]
            ]
        )
        self.env.cr.execute(SQL("UPDATE privacy_activity SET gdpr_form_id = %s WHERE id = %s", form.id, row["id"]))
        return form

    @api.model
    def _reconstruct_wording(self, row, form, purpose, lang):
        """Give the words as canonical JSON: no sentence of ours is among them but the one that says so."""
        name, description = self._get_text(row["name"], lang), self._get_text(row["description"], lang)
        content = json.loads(form._get_frozen_text(lang))
        note = self.with_context(lang=lang).env._(
            "Reconstructed on %(date)s from the name and the description of the activity in OCA's privacy_consent. The"
            " message that each person was sent is kept with the answer.",
            date=fields.Date.today(),
        )
        content |= {
            "title": name,
            "introduction": Markup("<p>%s</p>") % note,
            "purposes": [
                {
                    "id": purpose.id,
                    "code": purpose.code,
                    "name": name,
                    "description": html2plaintext(description),
                    "statements": [],
                    "validity": "",
                    "channels": [],
                }
            ],
            "privacy_text": html_sanitize(description),
            "withdrawal": "",
            "texts": dict.fromkeys(content["texts"], ""),
            "labels": dict.fromkeys(content["labels"], ""),
        }
        return ledger.canonical(content).decode()
