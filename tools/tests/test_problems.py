"""What the user is told when something is missing."""

import socket
from pathlib import Path

import pytest

from tools import apt, browser, debian_program, demo, odoo_source, pdf, places, postgres
from tools.mailbox import LOOPBACK
from tools.problem import Problem


def test_port_in_use_names_the_port_and_the_flag() -> None:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(Problem, match=rf"Port {port}, meant for Odoo, .*--port\.$"):
            demo.require_free_ports(port, port + 10)


def test_no_apt_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ODOO_PATH", raising=False)
    monkeypatch.setattr(odoo_source, "CACHE", tmp_path)
    monkeypatch.setattr(apt.shutil, "which", lambda program: None)
    with pytest.raises(Problem, match="set ODOO_PATH"):
        odoo_source.prepare()


def test_no_package_archive_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apt, "archives", list)
    with pytest.raises(Problem, match="check the network.* ODOO_PATH"):
        apt.open_archive(tmp_path, ["sid"], "odoo-19")


@pytest.mark.parametrize(
    ("release", "complaint"),
    [(None, "no Odoo source"), ("version_info = (18, 0, 0)\n", "not version 19")],
)
def test_wrong_source_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, release: str | None, complaint: str
) -> None:
    if release:
        (tmp_path / "odoo").mkdir()
        (tmp_path / "odoo" / "release.py").write_text(release)
    monkeypatch.setenv("ODOO_PATH", str(tmp_path))
    with pytest.raises(Problem, match=complaint):
        odoo_source.ready()


def test_own_source_tree_with_add_ons_beside(tmp_path: Path) -> None:
    (tmp_path / "odoo").mkdir()
    (tmp_path / "odoo" / "release.py").write_text("version_info = (19, 0, 0, FINAL, 0, '')\n")
    (tmp_path / "addons" / "web" / "static").mkdir(parents=True)
    source = odoo_source.from_tree(tmp_path)
    assert source.addons_paths == (tmp_path / "odoo" / "addons", tmp_path / "addons")


def test_full_disk_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="needs 1e\\+06 GB"):
        places.require_free_space(tmp_path, 1e6)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [("mysql://x", "must look like"), ("postgresql://postgres@localhost/", "user postgres")],
)
def test_wrong_database_address(monkeypatch: pytest.MonkeyPatch, address: str, complaint: str) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(Problem, match=complaint):
        postgres.given_server()


def test_database_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://odoo:p%40ss@db.example:5433/")
    assert postgres.given_server() == postgres.Server("db.example", 5433, "odoo", "p@ss")


def test_socket_path_stays_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    monkeypatch.setattr(postgres, "STATE", deep)
    assert len(str(postgres.home())) < 60


def test_no_browser_and_no_apt_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_program.shutil, "which", lambda program: None)
    with pytest.raises(Problem, match="--no-browser"):
        browser.prepare()


def test_no_wkhtmltopdf_is_told_and_no_obstacle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(debian_program.shutil, "which", lambda program: None)
    pdf.prepare_if_possible()
    assert "There will be no PDF files" in capsys.readouterr().out
