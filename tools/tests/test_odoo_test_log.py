"""The comparison of what Odoo says about its own tests."""

from tools.odoo_test_log import only_with, read, report

HEAD = "2026-01-02 03:04:05,678 42 {level} some_database odoo.addons.crm.tests.test_lead: {said}"


def log(*said: str, failed: str = "") -> list[str]:
    """Return a log with the given lines, a failure and the end of the tests."""
    lines = [HEAD.format(level="INFO", said=words) for words in said]
    if failed:
        lines.append(HEAD.format(level="ERROR", said=failed))
        lines += ["Traceback (most recent call last):", '  File "test_lead.py"', "AssertionError: 3 != 2", "more"]
    return [*lines, HEAD.format(level="INFO", said="2 post-tests in 1.00s, 3 queries"), ""]


STARTED = ("Starting TestLead.test_one ... ", "Starting TestLead.test_two ... ")
ONE = "crm.tests.test_lead:TestLead.test_one"
TWO = "crm.tests.test_lead:TestLead.test_two"


def test_reads_what_was_run_and_why_it_failed() -> None:
    outcome = read(log(*STARTED, "skipped TestLead.test_two : no browser", failed="FAIL: TestLead.test_one"))
    assert outcome.started == {ONE, TWO}
    assert outcome.skipped == {TWO}
    assert outcome.failed == {ONE: "AssertionError: 3 != 2"}
    assert outcome.finished


def test_a_subtest_is_its_test() -> None:
    outcome = read(log(*STARTED, failed="ERROR: Subtest TestLead.test_one (record=crm.lead(7,))"))
    assert list(outcome.failed) == [ONE]
    assert read(log(*STARTED, "skipped Subtest TestLead.test_one (login='admin') : no browser")).skipped == {ONE}


def test_a_class_that_cannot_be_set_up() -> None:
    outcome = read(log(failed="ERROR: setUpClass (odoo.addons.mail.tests.test_mail.TestMail)"))
    assert list(outcome.failed) == ["mail.tests.test_mail:TestMail.setUpClass"]


def test_a_run_that_was_cut_short_has_not_finished() -> None:
    assert not read(log(*STARTED)[:2]).finished


def test_only_what_the_other_run_lacks_is_the_difference() -> None:
    fails, passes = read(log(*STARTED, failed="FAIL: TestLead.test_one")), read(log(*STARTED))
    assert only_with(passes, fails) == [ONE]
    assert only_with(fails, fails) == only_with(fails, passes) == []


def test_a_test_that_no_longer_runs_is_a_difference() -> None:
    assert only_with(read(log(*STARTED)), read(log(STARTED[0]))) == [TWO]


def test_the_report_counts_by_module_and_says_why() -> None:
    text = report(read(log(*STARTED)), read(log(*STARTED, failed="FAIL: TestLead.test_two")))
    assert "| crm | 2 | 0 | 0 | 1 | 1 |" in text
    assert f"**Only with the add-ons**: 1\n* `{TWO}`: AssertionError: 3 != 2" in text
    assert "**With and without them**: none" in text
