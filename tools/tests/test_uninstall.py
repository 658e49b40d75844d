"""The add-ons leave a database as they found it."""

import os
import subprocess

from tools.places import ROOT

ACTS = """
card = env["res.partner"].create({"name": "Anna", "email": "anna@example.com", "gdpr_legal_basis": "consent"})
card.gdpr_record_consent(["marketing"], ["email"], "phone", evidence="A call")
model_id = env["ir.model"]._get_id("res.partner")
action = {"name": "Ask for Consent", "model_id": model_id, "state": "gdpr_ask"}
env["base.automation"].create(
    {"name": "Ask", "model_id": model_id, "trigger": "on_create", "action_server_ids": [(0, 0, action)]}
)
env.cr.commit()
env["ir.module.module"].search([("name", "=", "gdpr_consent")]).button_immediate_uninstall()
"""
# Everything PostgreSQL or Odoo could still know of the add-on.
LEFT = """
env.cr.execute('''
    SELECT 'column', table_name || '.' || column_name FROM information_schema.columns WHERE column_name ~ 'gdpr'
    UNION ALL SELECT 'table', table_name FROM information_schema.tables WHERE table_name ~ 'gdpr'
    UNION ALL SELECT 'trigger', tgname::text FROM pg_trigger WHERE tgname ~ 'gdpr'
    UNION ALL SELECT 'function', proname::text FROM pg_proc WHERE proname ~ 'gdpr'
    UNION ALL SELECT 'index', indexname::text FROM pg_indexes WHERE indexname ~ 'gdpr'
    UNION ALL SELECT 'record', module || '.' || name FROM ir_model_data WHERE module ~ '^gdpr_consent'
    UNION ALL SELECT 'model', model FROM ir_model WHERE model ~ 'gdpr'
    UNION ALL SELECT 'view', name FROM ir_ui_view WHERE name ~ 'gdpr'
    UNION ALL SELECT 'menu', name::text FROM ir_ui_menu WHERE name::text ~ 'Data Privacy'
    UNION ALL SELECT 'cron', name::text FROM ir_act_server WHERE name::text ~ 'Data Privacy'
    UNION ALL SELECT 'action', state FROM ir_act_server WHERE state ~ 'gdpr'
    UNION ALL SELECT 'block', arch_db::text FROM ir_ui_view WHERE arch_db::text ~ 'gdpr'
    UNION ALL SELECT 'template', name::text FROM mail_template WHERE name::text ~ 'Data Privacy'
    UNION ALL SELECT 'group', name::text FROM res_groups WHERE name::text ~ 'Privacy Officer'
    UNION ALL SELECT 'parameter', key FROM ir_config_parameter WHERE key ~ 'gdpr'
''')
left = env.cr.fetchall()
# What is left of the rule does nothing, and stops nobody.
env["res.partner"].create({"name": "Anna", "email": "anna@example.com"})
print("LEFT:", left, env["res.partner"].search_count([("email", "=", "anna@example.com")]))
"""


def dev(*arguments: str, script: str = "") -> str:
    result = subprocess.run(
        [ROOT / "dev", *arguments], input=script, capture_output=True, text=True, check=True, timeout=300
    )
    return result.stdout + result.stderr


def test_uninstall_leaves_nothing():
    name = f"gdpr_uninstall_{os.getpid()}"
    dev("db", name)
    try:
        log = dev("odoo", "shell", "-d", name, script=ACTS)
        assert " ERROR " not in log
        assert "LEFT: [] 2" in dev("odoo", "shell", "-d", name, script=LEFT)
    finally:
        dev("odoo", "db", "drop", name)
