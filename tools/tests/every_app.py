"""The data map knows all of Odoo's apps: no field that looks personal is left out (law.md R-54).

Takes minutes the first time, so it isn't part of the suite, which does the same with the apps that are installed there:

    ./dev test tools/tests/every_app.py
"""

import ast
import os
import subprocess

import pytest

from tools.places import ROOT

APPS = """
    account account_check_printing account_debit_note account_edi_ubl_cii account_peppol api_doc auth_oauth
    auth_passkey_portal auth_timeout auth_totp_mail base_automation calendar_sms cloud_storage
    crm_iap_enrich crm_iap_mine crm_livechat crm_mail_plugin data_recycle delivery_mondialrelay digest
    event_booth_sale event_crm_sale fleet gamification google_calendar google_gmail hr hr_attendance
    hr_expense hr_fleet hr_gamification hr_holidays hr_homeworking hr_livechat hr_maintenance hr_presence
    hr_recruitment hr_recruitment_survey hr_skills hr_skills_slides hr_timesheet hr_work_entry_holidays
    iap_mail loyalty lunch mail_plugin maintenance marketing_card mass_mailing_crm_sms
    mass_mailing_event_track_sms mass_mailing_sale_sms mass_mailing_slides mass_mailing_sms
    microsoft_calendar microsoft_outlook mrp mrp_repair mrp_subcontracting partnership payment_demo
    portal_rating privacy_lookup project project_mail_plugin purchase_repair purchase_requisition repair
    sale_management sale_pdf_quote_builder sale_timesheet sms_twilio snailmail_account stock_account
    stock_delivery stock_fleet stock_maintenance stock_picking_batch survey survey_crm website_blog
    website_crm_iap_reveal website_crm_partner_assign website_customer website_event_booth_exhibitor
    website_event_sale website_event_track_live_quiz website_event_track_quiz website_forum
    website_google_map website_hr_recruitment website_links website_livechat website_mail_group
    website_mass_mailing_sms website_payment website_profile website_project website_sale_collect
    website_sale_comparison website_sale_loyalty website_sale_mass_mailing website_sale_slides
    website_sale_stock_wishlist website_sale_wishlist website_slides_forum website_slides_survey website_sms
""".split()
SCRIPT = """
missing = sorted({place.model for place in env["gdpr.data.map"].search([]) if place.model not in env} - {"base"})
gaps = [(gap.model, gap.field, gap.kind) for gap in env["gdpr.data.map"]._find_gaps()]
places = env["gdpr.data.map"].search([])
optional = {
    (place.model, name)
    for place in places
    for text in [
        place.path, place.email_fields, place.phone_fields, place.document_fields, *place.field_ids.mapped("names")
    ]
    for name, is_optional in place._parse(text)
    if is_optional and place.model in env and not place._has_path(env[place.model], name)
}
print("FOUND", repr((gaps, missing, sorted(optional))))
"""


def dev(*arguments: str, script: str = "") -> str:
    result = subprocess.run([ROOT / "dev", *arguments], input=script, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.timeout(3600)
def test_every_app_is_covered():
    name = f"gdpr_every_app_{os.getpid()}"
    dev("db", name, "--modules", ",".join(APPS))
    try:
        answer = dev("odoo", "shell", "-d", name, script=SCRIPT)
    finally:
        dev("odoo", "db", "drop", name)
    line = next(line for line in answer.splitlines() if "FOUND" in line)
    gaps, missing, optional = ast.literal_eval(line.partition("FOUND ")[2])
    assert not gaps, gaps
    # What the map names exists in some app: a name that is spelt wrongly would wait for ever.
    assert not missing, missing
    assert not optional, optional
