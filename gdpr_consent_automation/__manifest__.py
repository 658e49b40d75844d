{
    "name": "GDPR Consent: Automation Rules",
    "summary": "An example of an automation rule that asks new leads for consent",
    "version": "19.0.1.0.0",
    "category": "Marketing/Privacy",
    "author": "GDPR Consent contributors",
    "license": "LGPL-3",
    "depends": ["gdpr_consent", "base_automation"],
    "data": ["data/base_automation_data.xml"],
    "auto_install": True,
}
