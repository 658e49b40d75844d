"""./dev compare: Odoo's own tests, without the add-ons and with them; what fails only with them is our fault."""

import os
from argparse import Namespace

from tools import browser, databases, odoo_test_log, postgres, workbench
from tools.odoo_test_log import Outcome
from tools.places import LOGS, ROOT
from tools.problem import Problem
from tools.processes import free_port, log_lines, termination_is_interruption
from tools.progress import Step, step
from tools.workbench import Tools, Workbench

# The apps that the add-ons build on, and the modules in which Odoo tests them together.
MODULES = (
    "contacts",
    "crm",
    "mail",
    "mass_mailing",
    "mass_mailing_sms",
    "phone_validation",
    "portal",
    "privacy_lookup",
    "sms",
    "test_crm_full",
    "test_mail",
    "test_mail_full",
    "test_mail_sms",
    "test_mass_mailing",
    "website",
    "website_crm",
    "website_mass_mailing",
)
# Of Odoo's base, what is about contacts.
TAGS = ("/base/tests/test_res_partner.py", *(f"/{module}" for module in MODULES))


def run(tools: Tools, options: Namespace) -> int:
    """Run the tests on both sides and print the comparison; return 1 when any fails only with the add-ons."""
    if options.browser:
        browser.prepare()
    tags = ",".join(options.tags or TAGS)
    with termination_is_interruption(), postgres.in_use() as server:
        bench = workbench.assemble(tools, server)
        recipe = databases.recipe(tools.source, MODULES)
        outcomes = []
        for key, bare in (("without", True), ("with", False)):
            template = bench.databases.make_template(recipe, bare)
            with step(key) as progress:
                outcomes.append(run_side(bench, template, key, tags, options.browser, progress))
    print(odoo_test_log.report(*outcomes))
    return 1 if odoo_test_log.only_with(*outcomes) else 0


def run_side(bench: Workbench, template: str, key: str, tags: str, in_browser: bool, progress: Step) -> Outcome:
    """Run the tests on a copy of the template; the log stays. Raises Problem when Odoo doesn't come to their end."""
    name = f"gdpr_compare_{key}_{os.getpid()}"
    log = LOGS / f"compare_{key}.log"
    command = [bench.python, ROOT / "tools" / "run_odoo_tests.py", *([] if in_browser else ["--no-browser"])]
    command += ["-d", name, "--test-tags", tags, "--http-port", str(free_port()), "--stop-after-init"]
    started = 0

    def count(line: str) -> None:
        nonlocal started
        if ": Starting " in line:
            started += 1
            progress.update(f"{started} tests")

    bench.databases.copy(template, name)
    try:
        log_lines(command, log, count, cwd=ROOT, env=bench.environment())
    finally:
        bench.databases.drop(name)
    with log.open(errors="replace") as lines:
        outcome = odoo_test_log.read(lines)
    if not outcome.finished or not outcome.started:
        raise Problem(f"Odoo ran no tests to their end; the whole log: {log}")
    return outcome
