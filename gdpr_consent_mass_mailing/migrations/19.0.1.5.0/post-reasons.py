"""Why somebody was left out of a mailing was kept in the words of whoever sent it."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Put the codes in place of the words, in whatever language they are."""
    if not version:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    codes = {}
    for lang, _name in env["res.lang"].get_installed():
        reasons = env["mailing.trace"].with_context(lang=lang)._gdpr_get_reasons()
        codes |= {words: code for code, words in reversed(reasons)}
    for words, code in codes.items():
        cr.execute("UPDATE mailing_trace SET gdpr_reason = %s WHERE gdpr_reason = %s", [code, words])
    # Words of a language that isn't installed any more.
    known = [code for code, _words in env["mailing.trace"]._gdpr_get_reasons()]
    cr.execute(
        "UPDATE mailing_trace SET gdpr_reason = COALESCE(failure_type, 'unknown')"
        " WHERE gdpr_reason IS NOT NULL AND gdpr_reason != ALL(%s)",
        [known],
    )
