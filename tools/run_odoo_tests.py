"""Odoo's command line, with all chosen tests run at the end; run by Odoo's Python as a script.

Odoo runs the tests marked ``at_install`` while it loads their module: the modules that come after it, as
this checkout's add-ons do, would have no part in them. With ``--no-browser`` as the first argument, tests
that open a browser are skipped.
"""

import sys
import unittest
from collections.abc import Iterable
from typing import NoReturn

import odoo.cli
from odoo.tests import common, loader
from odoo.tests.suite import OdooSuite

make_suite_of = loader.make_suite


def make_suite(module_names: Iterable[str], position: str = "at_install") -> OdooSuite:
    """Return no tests while modules load, and those of both kinds afterwards."""
    if position == "at_install":
        return OdooSuite([])
    names = list(module_names)
    return OdooSuite([*make_suite_of(names, "at_install"), *make_suite_of(names, "post_install")])


def refuse_browser(*arguments: object, **words: object) -> NoReturn:
    """Skip the test that asks for a browser."""
    raise unittest.SkipTest("without a browser")


if __name__ == "__main__":
    loader.make_suite = make_suite
    if sys.argv[1:2] == ["--no-browser"]:
        del sys.argv[1]
        common.ChromeBrowser = refuse_browser
    odoo.cli.main()
