{
    "name": "GDPR Consent: Newsletter Block",
    "summary": "Who types an address into the web site's newsletter block is asked to confirm from the mailbox",
    "version": "19.0.1.3.2",
    "category": "Marketing/Privacy",
    "author": "GDPR Consent contributors",
    "license": "LGPL-3",
    "depends": ["gdpr_consent_mass_mailing", "website_mass_mailing"],
    "data": ["views/mailing_list_views.xml"],
    "auto_install": True,
}
