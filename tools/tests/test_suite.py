"""How the suite shares its tests among processes."""

from tools import suite


def test_all_tests_are_shared_among_the_cores(monkeypatch):
    for cores, workers in ((1, 0), (2, 2), (64, suite.MOST_WORKERS), (None, 0)):
        monkeypatch.setattr(suite.os, "cpu_count", lambda cores=cores: cores)
        assert suite.count_workers(["-q"]) == workers


def test_chosen_tests_run_in_one_process(monkeypatch):
    monkeypatch.setattr(suite.os, "cpu_count", lambda: 8)
    for arguments in (["-k", "ledger"], ["gdpr_consent/tests/test_ledger.py"], ["-q", "-n", "0"]):
        assert suite.count_workers(arguments) == 0


def test_databases_of_a_killed_run_are_dropped():
    class Store:
        dropped = []

        def names(self):
            return [
                "gdpr_test_999999999",
                "gdpr_test_999999999_gw1",
                f"gdpr_test_{suite.os.getpid()}_gw0",
                "gdpr_test_x",
            ]

        def drop(self, name):
            self.dropped.append(name)

    store = Store()
    suite.drop_abandoned(store)
    assert store.dropped == ["gdpr_test_999999999", "gdpr_test_999999999_gw1"]
