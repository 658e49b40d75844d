{
    "name": "GDPR Consent: SMS",
    "summary": "Text messages obey the suspension of the processing",
    "version": "19.0.1.0.0",
    "category": "Marketing/Privacy",
    "author": "GDPR Consent contributors",
    "license": "LGPL-3",
    "depends": ["gdpr_consent", "sms"],
    "auto_install": True,
}
