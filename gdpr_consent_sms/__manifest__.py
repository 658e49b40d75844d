{
    "name": "GDPR Consent: SMS",
    "summary": "Text messages go to those who may get them",
    "version": "19.0.1.2.2",
    "category": "Marketing/Privacy",
    "author": "GDPR Consent contributors",
    "license": "LGPL-3",
    "depends": ["gdpr_consent", "sms"],
    "data": ["views/sms_composer_views.xml", "views/sms_template_views.xml"],
    "assets": {"web.assets_backend": ["gdpr_consent_sms/static/src/sms_button/*"]},
    "auto_install": True,
}
