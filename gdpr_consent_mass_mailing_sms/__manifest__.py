{
    "name": "GDPR Consent: SMS Marketing",
    "summary": "Mailings by SMS go to those who may get them, and say who was left out",
    "version": "19.0.1.2.1",
    "category": "Marketing/Privacy",
    "author": "GDPR Consent contributors",
    "license": "LGPL-3",
    "depends": ["gdpr_consent_mass_mailing", "gdpr_consent_sms", "mass_mailing_sms"],
    "auto_install": True,
}
