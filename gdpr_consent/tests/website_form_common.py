from odoo.fields import Command

from .page_common import PageCase

FIELD = """
<div class="s_website_form_field mb-3 col-12 {classes}" data-type="{type}" data-name="Field">
    <div class="row s_col_no_resize s_col_no_bgcolor">
        <label class="col-form-label col-sm-auto s_website_form_label" style="width: 200px" for="field_{name}">
            <span class="s_website_form_label_content">{label}</span>
        </label>
        <div class="col-sm">
            <input class="form-control s_website_form_input" type="{type}" name="{name}" id="field_{name}"
                required="1"/>
        </div>
    </div>
</div>
"""
PAGE = """
<t t-name="gdpr_consent.test_{key}" t-call="website.layout"><div id="wrap" class="oe_structure">
    <section class="s_website_form pt16 pb16" data-vcss="001" data-snippet="s_website_form" data-name="Form">
        <div class="container">
            <form action="/website/form/" method="post" enctype="multipart/form-data" class="o_mark_required"
                data-mark="*" data-model_name="{model}" data-success-mode="message">
                <div class="s_website_form_rows row s_col_no_bgcolor">
                    {fields}
                    {block}
                    <div class="mb-0 py-2 col-12 s_website_form_submit" data-name="Submit Button">
                        <div style="width: 200px;" class="s_website_form_label"/>
                        <span id="s_website_form_result"></span>
                        <a href="#" role="button" class="btn btn-primary s_website_form_send">Submit</a>
                    </div>
                </div>
            </form>
            <div class="s_website_form_end_message d-none"><p>We have your message.</p></div>
        </div>
    </section>
</div></t>
"""


class WebsiteFormCase(PageCase):
    """A contact form of the web site with the block of the consent choices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website = cls.env.ref("website.default_website")
        cls.website.company_id.gdpr_cooldown_months = 0
        cls.form.purpose_ids = [Command.set(cls.marketing.ids)]
        cls.form.action_publish()

    @classmethod
    def make_page(cls, url="/get-in-touch", model="crm.lead", has_block=True, website=None):
        email = "email_from" if model == "crm.lead" else "email"
        fields = [("name", "Subject", "text"), ("contact_name", "Your Name", "text"), (email, "Your Email", "email")]
        key = url.strip("/").replace("-", "_")
        arch = PAGE.format(
            key=key,
            model=model,
            fields="".join(
                FIELD.format(name=name, label=label, type=kind, classes="s_website_form_model_required")
                for name, label, kind in fields
            ),
            block='<div class="s_gdpr_consent_choices mb-3 col-12" data-name="Consent Choices"/>' if has_block else "",
        )
        return cls.env["website.page"].create(
            {
                "url": url,
                "name": key,
                "type": "qweb",
                "arch": arch,
                "key": f"gdpr_consent.test_{key}",
                "website_id": (website or cls.website).id,
                "is_published": True,
            }
        )

    def get_choices(self, **params):
        """Give what the block is filled with, as HTML."""
        return self.make_jsonrpc_request("/gdpr/choices", {"model": "crm.lead", "lang": "en_US", **params})

    def send_form(self, ticked=(), model="crm.lead", version=None, email="gaia@example.com", **fields):
        """Post the form as the page does; the lead it made, if any, is ``self.sent``.

        :param ticked: names of the boxes, without what they all begin with
        :return: what the server answers
        """
        version = self.form._get_version("en_US") if version is None else version
        values = {"name": "A question", "contact_name": "Gaia", "description": "Do you deliver?", **fields}
        if email:
            values["email_from"] = email
        values |= {f"gdpr_consent.{name}": "yes" for name in ticked}
        values["gdpr_consent_version"] = getattr(version, "id", version)
        with self.catch_mails():
            answer = self.url_open(f"/website/form/{model}", data=values).json()
        self.env.invalidate_all()
        sent = answer["id"] if isinstance(answer, dict) and "id" in answer else None
        self.sent = self.env[model].browse(sent) if sent else None
        return answer
