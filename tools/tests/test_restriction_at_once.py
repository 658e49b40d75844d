"""A suspension counts at once in every process, also in those that had nobody to look for; real processes."""

import json
import urllib.request

from tools.tests.real_servers import Database, OdooServer, run_shell, wait_until

EMAIL = "only.one@example.com"
START = f"""
person = env["res.partner"].create({{"name": "Only One", "email": "{EMAIL}"}})
person._gdpr_ensure_subjects()
env["ir.cron"].search([]).active = False
env.cr.commit()
print("PERSON", person.id)
"""
# As a script does it: nobody tells the others but the commit.
SUSPEND = f"""
person = env["res.partner"].search([("email", "=", "{EMAIL}")])
person.gdpr_subject_id._record_restriction(values={{"reason": "A test"}})
env.cr.commit()
"""


class Client:
    """A program that writes mails through the server's own process for pages."""

    def __init__(self, port):
        self._address = f"http://127.0.0.1:{port}/jsonrpc"

    def call(self, model, method, *arguments):
        """Call a method as the administrator."""
        params = {"service": "object", "method": "execute_kw"}
        params["args"] = [Database.NAME, 2, "admin", model, method, arguments]
        data = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(self._address, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        assert "error" not in answer, answer
        return answer.get("result")

    def is_there(self):
        """Tell whether the server answers."""
        try:
            return bool(self.call("res.users", "search_count", []))
        except OSError:
            return False

    def send(self, person_id):
        """Send the person a mail; return what became of it."""
        values = {"email_from": "info@example.com", "recipient_ids": [person_id], "auto_delete": False}
        values |= {"subject": "Hello", "body_html": "<p>Hello</p>"}
        mail = self.call("mail.mail", "create", values)
        self.call("mail.mail", "send", [mail])
        return self.call("mail.mail", "read", [mail], ["state", "failure_reason"])[0]


def test_suspension_is_told_by_the_commit(database, mail):
    person_id = int(run_shell(database, START).split()[-1])
    server = OdooServer(database, mail)
    try:
        client = Client(server.port)
        wait_until(client.is_there, what="the server's answer")
        assert client.send(person_id)["state"] == "sent"
        run_shell(database, SUSPEND)
        assert client.send(person_id)["state"] == "cancel"
    finally:
        server.stop()
