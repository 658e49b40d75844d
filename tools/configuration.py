"""Odoo's configuration file and launcher, in the state folder."""

from pathlib import Path

from tools.odoo_source import OdooSource
from tools.places import DATA, HTTP_PORT, MAIL_PORT, ODOO_CONFIGURATION, ROOT, STATE, write_whole
from tools.postgres import Server

ODOO_LAUNCHER = STATE / "odoo-bin"

LAUNCHER = """\
#!{python}
import odoo.cli

if __name__ == "__main__":
    odoo.cli.main()
"""


def addons_path(source: OdooSource) -> str:
    """Return Odoo's add-on folders and this checkout, as Odoo's options want them."""
    return ",".join(map(str, (*source.addons_paths, ROOT)))


def write(source: OdooSource, server: Server, python: Path) -> Path:
    """Write the configuration file and the launcher; return the former."""
    options = {
        "addons_path": addons_path(source),
        "admin_passwd": "admin",
        "data_dir": DATA,
        "db_host": server.host,
        "db_port": server.port,
        "db_user": server.user,
        "db_password": server.password,
        "db_template": "template0",
        "list_db": True,
        "http_interface": "127.0.0.1",
        "http_port": HTTP_PORT,
        "gevent_port": HTTP_PORT + 3,
        "max_cron_threads": 0,
        "without_demo": True,
        "smtp_server": "127.0.0.1",
        "smtp_port": MAIL_PORT,
        "limit_time_real": 1200,
    }
    lines = [f"{name} = {value}\n" for name, value in options.items() if value is not None]
    DATA.mkdir(parents=True, exist_ok=True)
    write_whole(ODOO_CONFIGURATION, "[options]\n" + "".join(lines))
    write_whole(ODOO_LAUNCHER, LAUNCHER.format(python=python))
    ODOO_LAUNCHER.chmod(0o755)
    return ODOO_CONFIGURATION
