"""The developer's workbench of gdpr_consent: what ./dev runs."""
