from importlib import util

from odoo.modules.module import get_module_path


def load_migration(version, name="post-migrate", addon="gdpr_consent"):
    """Give the migration to a version of an add-on, as Odoo loads it."""
    path = f"{get_module_path(addon)}/migrations/{version}/{name}.py"
    spec = util.spec_from_file_location(f"{addon}_migration", path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
