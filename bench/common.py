"""What the benchmarks have in common: databases, contacts by SQL, an Odoo server, requests, results."""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from lxml import etree

ROOT = Path(__file__).resolve().parent.parent
DATABASE = os.environ["BENCH_DATABASE"]
START_SECONDS = 120


def sizes(*defaults):
    """Give the sizes named on the command line, in their order; the defaults where none is."""
    given = [int(argument.replace("_", "")) for argument in sys.argv[1:]]
    return [*given, *defaults[len(given) :]]


def print_rows(*rows):
    """Print the results as ``./dev bench`` reads them: (scenario, size, ours, theirs, unit) each."""
    names = ("scenario", "size", "ours", "theirs", "unit")
    print(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))


# ------------------------------------------------------------
# DATABASES
# ------------------------------------------------------------


def run_dev(*arguments):
    """Run one of the project's commands; its output is shown only when it fails."""
    result = subprocess.run(
        [ROOT / "dev", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"./dev {' '.join(arguments)} failed:\n{result.stdout}")


def connect(database):
    """Give a connection to a database, each statement a transaction of its own."""
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    return connection


def execute(database, statement, values=None):
    """Run one statement; give its rows, if it has any."""
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def drop(*databases):
    """Remove databases, whoever is connected."""
    for database in databases:
        execute("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@contextmanager
def bare_database():
    """Give the name of a database with Odoo's own apps only, for as long as it is needed."""
    name = f"{DATABASE}_bare"
    try:
        run_dev("db", name, "--bare")
        yield name
    finally:
        drop(name)


def fill_contacts(database, count, basis="'not_applicable'", state="'not_applicable'"):
    """Put contacts with an e-mail address into a database, by SQL.

    :param str basis: SQL of the legal basis of contact number ``n``, where the add-on is installed; so is ``state``
    """
    columns = values = ""
    if execute(database, "SELECT 1 FROM information_schema.columns WHERE column_name = 'gdpr_legal_basis'"):
        columns, values = ", gdpr_legal_basis, gdpr_consent_state", f", {basis}, {state}"
    execute(
        database,
        f"""
        INSERT INTO res_partner (name, complete_name, email, email_normalized, phone, city, lang, active, type,
                                 is_company, autopost_bills, create_date, write_date{columns})
        SELECT name, name, email, email, '+39 02 ' || n, 'Milano', 'en_US', true, 'contact', false, 'ask', now(), now()
               {values}
          FROM (SELECT n, 'Contact ' || n AS name, 'contact' || n || '@example.com' AS email
                  FROM generate_series(1, %s) n) contact
        """,
        [count],
    )
    execute(database, "VACUUM ANALYZE")


@contextmanager
def environment(database=DATABASE, login="admin"):
    """Give an environment of a user on a database; what was done is committed at the end."""
    # Only the benchmarks that need it wait for Odoo to load.
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(["-d", database, "--no-http", "--log-level=warn"], setup_logging=True)
    with Registry(database).cursor() as cursor:
        root = api.Environment(cursor, SUPERUSER_ID, {})
        yield root(user=root["res.users"].search([("login", "=", login)]))


def ask_contacts(env, count):
    """Ask contacts for consent, as a campaign does; give the tokens of their links."""
    contacts = env["res.partner"].search([("name", "=like", "Contact %")], limit=count)
    contacts.gdpr_set_legal_basis("consent")
    form = env.ref("gdpr_consent.default_form")
    form.action_publish()
    campaign = env["gdpr.consent.campaign"].create({"name": "Benchmark"})
    requests = env["gdpr.consent.request"].sudo()
    requests = requests.create(
        [
            {
                "campaign_id": campaign.id,
                "user_id": campaign.user_id.id,
                "subject_id": contact.gdpr_subject_id.id,
                "company_id": form.company_id.id,
                "res_model": contact._name,
                "res_id": contact.id,
                "form_id": form.id,
                "version_number": form.version_number,
                "email": contact.email,
                "lang": contact.lang,
            }
            for contact in contacts
        ]
    )
    tokens = env["gdpr.link"]._issue_for_requests(requests)
    requests._mark_sent(dict.fromkeys(requests.ids, False))
    env.flush_all()
    return [tokens[request.id]["grant"] for request in requests]


def make_specification(answer, kind, model):
    """Give the fields that the web client reads for a view, as its ``getFieldsSpec`` does.

    :param dict answer: what ``get_views`` gave
    :param str kind: of the view, ``form`` or ``list``
    """
    return _make_specification(etree.fromstring(answer["views"][kind]["arch"]), answer["models"], model)


def _make_specification(arch, models, model):
    level = arch.xpath("count(ancestor::field)")
    nodes = {}
    # Those of the view itself, not of the views in its fields.
    for node in arch.xpath(".//field[count(ancestor::field) = $level]", level=level):
        nodes.setdefault(node.get("name"), []).append(node)
    specification = {}
    for name, same in nodes.items():
        field = models[model]["fields"][name]
        wanted = specification[name] = {}
        if field["type"] not in ("many2one", "one2many", "many2many", "reference"):
            continue
        wanted["fields"] = {}
        if all(node.get("invisible") in ("1", "True") for node in same):
            continue
        if field["type"] in ("many2one", "reference"):
            wanted["fields"]["display_name"] = {}
            continue
        for view in (view for node in same for view in node if view.tag in ("list", "kanban", "form")):
            wanted["fields"] |= _make_specification(view, models, field["relation"])
            wanted["limit"] = int(view.get("limit", 40))
        if any(node.get("widget", "").startswith("many2many_tags") for node in same):
            colors = {"color": {}} if "color_field" in same[0].get("options", "") else {}
            wanted["fields"] |= {"display_name": {}} | colors
    return specification


# ------------------------------------------------------------
# A SERVER AND ITS CLIENTS
# ------------------------------------------------------------


class Server:
    """An Odoo server in a process of its own, and the requests to it."""

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, headers=None):
        """Give the response, read to its end: ``(status, text, headers)``. Each request is a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode(), response.headers

    def log_in(self, database):
        """Log the administrator in; give the session."""
        return Session(self, database)


class Session:
    """What the web client of the administrator asks of a server."""

    def __init__(self, started, database):
        self._server = started
        self._cookie = ""
        self.post("/web/session/authenticate", {"db": database, "login": "admin", "password": "admin"})

    def call(self, model, method, *args, **kwargs):
        """Call a method of a model; give what it returns."""
        values = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        return self.post(f"/web/dataset/call_kw/{model}/{method}", values)

    def post(self, path, params):
        """Send a JSON-RPC request; give the result. Ends with the server's traceback where there is an error."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params})
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        _status, text, answered = self._server.request("POST", path, body, headers)
        for cookie in answered.get_all("Set-Cookie") or ():
            if cookie.startswith("session_id="):
                self._cookie = cookie.partition(";")[0]
        answer = json.loads(text)
        if "error" in answer:
            sys.exit(answer["error"]["data"]["debug"])
        return answer["result"]


@contextmanager
def server(*databases, workers=0):
    """Run an Odoo server for some databases: one process with threads, unless ``workers`` are asked for.

    The first database is that of visitors without a session.
    """
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ",".join(databases)
    command = [os.environ["ODOO_PYTHON"], os.environ["ODOO_BIN"], "server", "-d", names]
    command += [f"--http-port={port}", f"--workers={workers}", "--max-cron-threads=0", "--log-level=error"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        started = Server(port)
        wait_for(started, process)
        yield started
    finally:
        process.terminate()
        process.wait()


def wait_for(started, process):
    """Return when the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if started.request("GET", "/web/health")[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("The Odoo server did not start.")


def measure_rate(work, items, clients):
    """Give how many items a second this many clients get done, each one item at a time."""
    with ThreadPoolExecutor(clients) as pool:
        started = time.monotonic()
        done = sum(1 for _result in pool.map(work, items))
        return done / (time.monotonic() - started)


def compare(ours, theirs, rounds):
    """Measure two things in turn, a number of times, so that the machine's other work falls on both.

    :param ours: a function that gives a number; so is ``theirs``
    :return: the medians of both
    """
    pairs = [(ours(), theirs()) for _round in range(rounds)]
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


def take_time(function):
    """Give the milliseconds a function takes."""
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1000
