"""Weaves one person through every place of the data map that is installed. Imported in Odoo's shell.

What can't be made by looking at the fields alone is in ``weaving_recipes.py``.
"""

import ast
import base64
import contextlib
import itertools
import logging
from datetime import timedelta
from unittest.mock import patch

import requests
from psycopg2.errors import NotNullViolation

from odoo import fields

from odoo.addons.gdpr_consent.tools import personal_names
from odoo.addons.gdpr_consent.tools.trace_scanner import scan_database, scan_files

from tools.tests.weaving_recipes import NAMELESS, RECIPES, UNWOVEN, VALUES

_logger = logging.getLogger(__name__)

NAME = "Zelda Quirinale"
EMAIL = "zelda.quirinale@example.com"
PHONE = "+39 347 8812 990"
STREET = "Via Tramontana 7"
TERMS = (NAME, EMAIL, PHONE, STREET, "Quirinale")
TEXT = f"{NAME}, {EMAIL}, {PHONE}"
# A dot. What follows the picture is part of the file.
IMAGE = base64.b64encode(base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=") + TEXT.encode())
FILE = base64.b64encode(TEXT.encode())
# So deep records that a record needs are made.
DEEPEST = 6
# So often the scheduled action is run, at most.
ROUNDS = 10


class Weaver:
    """Makes records that lead to one person, and others that don't where a record needs one."""

    def __init__(self, env):
        self.env = env(context={**env.context, "mail_notify_force_send": False})
        self.numbers = itertools.count(1)
        # What leads to the person, by model: the first record that was made.
        self.own = {}
        self.failures = {}
        self.unwritten = {}
        partner = env["res.partner"].create(
            {
                "name": NAME,
                "email": EMAIL,
                "phone": PHONE,
                "street": STREET,
                "city": "Roma",
                "zip": "00184",
                "country_id": env.ref("base.it").id,
                "lang": "en_US",
            }
        )
        partner.gdpr_legal_basis = "consent"
        self.partner = self.own["res.partner"] = partner
        self.user = self.own["res.users"] = (
            env["res.users"]
            .with_context(no_reset_password=True)
            .create({"login": EMAIL, "partner_id": partner.id, "group_ids": [(4, env.ref("base.group_user").id)]})
        )
        self.other = env["res.partner"].create({"name": "Somebody Else", "email": "somebody@example.net"})
        self.other_user = env.ref("base.user_admin")
        env.cr.commit()

    # ------------------------------------------------------------
    # THE PLACES
    # ------------------------------------------------------------

    def weave(self):
        """Weave the person through all places, in the order of the map; what fails is in ``failures``."""
        for place in find_places(self.env):
            key = get_key(place)
            try:
                for record in self._weave_place(key, place):
                    self.own.setdefault(place.model, record)
                self._settle()
            except Exception as error:
                _logger.debug("%s can't be woven", key, exc_info=True)
                self.failures[key] = f"{type(error).__name__}: {str(error).strip()[:300]}"
                self.env.cr.precommit.clear()
                self.env.cr.postcommit.clear()
                self.env.cr.rollback()
                self.env.invalidate_all()

    def _settle(self):
        """Have everything happen that Odoo does at the end of a call."""
        self.env.flush_all()
        self.env.cr.commit()

    def _weave_place(self, key, place):
        recipe = RECIPES.get(key)
        if recipe:
            records = recipe(self)
        elif place.model in ("res.partner", "res.users"):
            records = self.own[place.model]
        else:
            values = {**self.get_links(place), **get_domain_values(self.env[place.model], place)}
            values |= {name: self.resolve(value) for name, value in VALUES.get(key, {}).items()}
            values = {name: value for name, value in values.items() if value is not None}
            maker = self.user if "create_uid" in place._split(place.path) else None
            records = self.make(place.model, values, user=maker)
        self._settle()
        for record in records:
            self._write_texts(key, record, place)
            self._hang_on(record, place)
        return records

    def resolve(self, value):
        """Give a value of a recipe's: what is callable is asked with the weaver."""
        return value(self) if callable(value) else value

    def get_links(self, place):
        """Give the values that lead a record of a place to the person."""
        records = self.env[place.model]
        values = {}
        for path in place._split(place.path):
            field = records._fields[path.split(".")[0]]
            own = self.own.get(field.comodel_name)
            if "." not in path and own and (field.inverse or not field.compute or not field.readonly):
                values[field.name] = own.id if field.type == "many2one" else [(4, own.id)]
        values |= dict.fromkeys(get_writable(records, place._split(place.email_fields)), EMAIL)
        values |= dict.fromkeys(get_writable(records, place._split(place.phone_fields)), PHONE)
        document = place._split(place.document_fields)
        if document:
            model_field, id_field = document
            values[id_field] = self.partner.id
            if records._fields[model_field].store and not records._fields[model_field].related:
                values[model_field] = "res.partner"
            for name in ("res_model_id", "model_id"):
                if name in records._fields:
                    values[name] = self.env["ir.model"]._get_id("res.partner")
        # Not a value to be given: see the maker of the record.
        values.pop("create_uid", None)
        return values

    # ------------------------------------------------------------
    # RECORDS
    # ------------------------------------------------------------

    def make(self, model, values=None, depth=0, user=None):
        """Give a new record, its required fields filled.

        :param str model: name
        :param dict values: what is wanted
        :param user: who makes it
        """
        records = self.env[model].with_user(user).sudo() if user else self.env[model].sudo()
        values = dict(values or {})
        required = [
            name
            for name, field in records._fields.items()
            if field.required
            and name not in values
            and (field.store or field.inherited)
            and not (field.compute and not field.inherited)
            and name not in records._inherits.values()
        ]
        defaults = records.default_get(required)
        for name in required:
            if not defaults.get(name) and defaults.get(name) != 0:
                values[name] = self._invent(records, records._fields[name], depth)
        return self._create(records, values, depth)

    def _create(self, records, values, depth):
        """Create a record; where the database misses a value that no field is said to require, fill it, try again."""
        try:
            with self.env.cr.savepoint():
                record = records.create(values)
                self.env.flush_all()
                return record
        except NotNullViolation as error:
            self.env.invalidate_all()
            missing = error.diag.column_name
            if error.diag.table_name != records._table or missing in values:
                raise
            value = self._invent(records, records._fields[missing], depth)
            return self._create(records, {**values, missing: value}, depth)

    def find_or_make(self, model, depth=0):
        """Give a record of a model that isn't the person's."""
        if model == "res.partner":
            return self.other
        if model == "res.users":
            return self.other_user
        records = self.env[model].sudo().search([], limit=2)
        own = self.own.get(model)
        for record in records:
            if not own or record.id != own.id:
                return record
        if depth >= DEEPEST:
            raise ValueError(f"No record of {model} can be made.")
        return self.make(model, depth=depth + 1)

    def _invent(self, records, field, depth):
        """Give a value for a required field."""
        number = next(self.numbers)
        if field.type in ("char", "text", "html"):
            is_address = personal_names.get_kind(field.name) == "email"
            return f"thing{number}@example.net" if is_address else f"Thing {number}"
        if field.type == "selection":
            return field.get_values(self.env)[0]
        if field.type == "date":
            return fields.Date.today()
        if field.type == "datetime":
            return fields.Datetime.now() + timedelta(hours=1 if "end" in field.name or "stop" in field.name else 0)
        if field.type == "many2one":
            if field.name == "company_id":
                return self.env.company.id
            return self.find_or_make(field.comodel_name, depth).id
        if field.type in ("integer", "float", "monetary"):
            return 1
        if field.type == "many2many":
            return [(4, self.find_or_make(field.comodel_name, depth).id)]
        if field.type == "binary":
            return FILE
        if field.type == "many2one_reference":
            return self.other.id
        if field.type == "json":
            return {}
        return False

    # ------------------------------------------------------------
    # TRACES
    # ------------------------------------------------------------

    def _write_texts(self, key, record, place):
        """Write the person into every declared field that can hold something of it, and that erasing empties."""
        record = record.sudo()
        for name, declared in place._get_fields().items():
            field = record._fields[name]
            if not declared.is_personal or declared.erasure != "empty" or name in NAMELESS.get(key, ()):
                continue
            value = get_text(field, get_short_id(declared.category), place)
            if not value or not is_writable(field) or field.related and not field.inherited:
                continue
            try:
                with self.env.cr.savepoint():
                    record.write({name: value})
                    self.env.flush_all()
            except Exception as error:
                self.env.invalidate_all()
                self.unwritten[f"{key}.{name}"] = f"{type(error).__name__}: {str(error).strip()[:150]}"

    def _hang_on(self, record, place):
        """Hang on a record what Odoo lets one: a file, and with a chatter a message, a tracked change, an activity."""
        record = record.with_env(self.env)
        is_persons = place.has_documents
        if not hasattr(record, "message_post"):
            return
        if is_persons:
            record.message_post(body=f"Written about {TEXT}", attachments=[("file.txt", f"About {TEXT}".encode())])
            self.env["ir.attachment"].create(
                {"name": f"{NAME}.txt", "raw": TEXT.encode(), "res_model": record._name, "res_id": record.id}
            )
        record.message_post(
            body=f"Written by {TEXT}",
            message_type="email",
            author_id=self.partner.id,
            email_from=f'"{NAME}" <{EMAIL}>',
            attachments=[("file.txt", f"By {TEXT}".encode())],
        )
        if is_persons and hasattr(record, "activity_schedule"):
            record.activity_schedule(
                "mail.mail_activity_data_todo", summary=f"Call {NAME}", note=TEXT, user_id=self.other_user.id
            )


def weave_and_erase(env):
    """Weave a person in, and erase it.

    :return: rows of the map that lead to nothing and why (``unwoven``), fields that nothing could be written into
        (``unwritten``), the ``state`` of the erasure, ``failures`` of its lines, traces in what is ``kept`` with a
        ground, other traces (``unkept``), and traces when the time of keeping is over (``in_the_end``), the last three
        by ``table.column``
    :rtype: dict
    """
    with stay_inside():
        # Else some apps commit half-way.
        with patch("odoo.modules.module.current_test", True):
            weaver = Weaver(env)
            weaver.weave()
        env.invalidate_all()
        places = env["gdpr.data.map"]._find(weaver.partner.gdpr_subject_id, company=env.company)
        woven = {get_key(found.place) for found in places} - weaver.failures.keys()
        env["mail.mail"].process_email_queue()
        env.cr.commit()
        request = erase(env, weaver.partner)
        kept, unkept = find_left(env, request)
        end_keeping(env, request)
    return {
        "unwoven": {
            key: weaver.failures.get(key, "Nothing leads to it.")
            for key in map(get_key, find_places(env))
            if key not in woven
        },
        "unwritten": weaver.unwritten,
        "state": request.erasure_state,
        "failures": {line.model: line.failure for line in request.plan_line_ids if line.failure},
        "kept": kept,
        "unkept": unkept,
        "in_the_end": {place: ids for place, _table, ids in find_traces(env)},
    }


def erase(env, partner):
    """Let an officer plan, approve and carry out the erasure of a person, all doubtful records being the person's.

    Gives the request when nothing happens any more.
    """
    partner.user_ids.active = False
    officer = env["res.users"].create(
        {
            "name": "Officer",
            "login": "weaving_officer",
            "email": "officer@example.net",
            "group_ids": [(4, env.ref("gdpr_consent.group_officer").id)],
        }
    )
    request = partner.with_user(officer)._gdpr_receive_request("erasure")
    request.action_plan()
    request.plan_line_ids.doubt_ids.action_theirs()
    request.action_approve()
    request.action_execute()
    env.cr.commit()
    for _round in range(ROUNDS):
        env.ref("gdpr_consent.ir_cron_erasure").method_direct_trigger()
        # It has a transaction of its own: see what it did.
        env.cr.commit()
        env.invalidate_all()
        if request.erasure_state in ("finished", "blocked"):
            break
        env["mail.mail"].process_email_queue()
        env.cr.commit()
    # Odoo does so once a day, for what was deleted in the meantime too.
    env["ir.attachment"]._gc_file_store()
    return request.sudo()


def end_keeping(env, request):
    """Have what is kept erased, as if its time were over."""
    request.erasure_journal_id.entry_ids.filtered("keep_until").keep_until = fields.Date.today()
    env.cr.commit()
    env.ref("gdpr_consent.ir_cron_end_keeping").method_direct_trigger()
    env.cr.commit()
    env.invalidate_all()
    # Odoo does so once a day.
    env["ir.attachment"]._gc_file_store()


def find_traces(env, terms=TERMS):
    """Give where the terms are in the database and the files: pairs of ``table.column`` and ids."""
    traces = [(f"{trace.table}.{trace.column}", trace.table, trace.ids) for trace in scan_database(env.cr, terms)]
    files = [trace.table for trace in scan_files(env["ir.attachment"]._filestore(), terms)]
    attachments = env["ir.attachment"].search([("store_fname", "in", files), ("id", "!=", 0)])
    orphans = set(files) - set(attachments.mapped("store_fname"))
    if attachments:
        traces.append(("ir_attachment.file", "ir_attachment", tuple(attachments.ids)))
    return traces + [(f"file {name}", "", ()) for name in sorted(orphans)]


def find_left(env, request):
    """Give the traces in records that the plan kept, with its ground, and the others: ids by ``table.column``."""
    kept = {}
    for entry in request.erasure_journal_id.entry_ids.filtered(lambda entry: entry.state == "kept" and entry.ground):
        kept.setdefault(env[entry.model]._table, set()).update(entry.res_ids)
    # The content of a field of a kept record is in a file of its own.
    files = env["ir.attachment"].search([("res_field", "!=", False)])
    kept.setdefault("ir_attachment", set()).update(
        file.id for file in files if file.res_id in kept.get(env[file.res_model]._table, ())
    )
    explained, unexplained = {}, {}
    for place, table, ids in find_traces(env):
        if rest := set(ids) - kept.get(table, set()) or not ids:
            unexplained[place] = rest
        if known := set(ids) & kept.get(table, set()):
            explained[place] = known
    return explained, unexplained


def find_places(env):
    """Give the rows of the map that the person is to be woven into."""
    places = env["gdpr.data.map"].search([("is_personal", "=", True), ("is_installed", "=", True)])
    return places.filtered(lambda place: get_key(place) not in UNWOVEN)


def get_key(place):
    """Give the name of a row of the map, without the add-on's."""
    return get_short_id(place).removeprefix("data_map_")


def get_short_id(record):
    """Give the external id of a record, without the add-on's name."""
    return record.get_external_id().get(record.id, "").partition(".")[2]


def get_domain_values(records, place):
    """Give the values that a record needs to be one of a row's, as far as its domain says so simply."""
    values = {}
    for condition in ast.literal_eval(place.domain or "[]"):
        if len(condition) == 3 and "." not in condition[0]:
            name, operator, value = condition
            field = records._fields[name]
            if is_writable(field) and value is not False:
                if operator == "=":
                    values[name] = value
                elif operator == "in":
                    values[name] = value[0]
    return values


def get_writable(records, names):
    """Give those of the names whose fields can be written."""
    return [name for name in names if "." not in name and is_writable(records._fields[name])]


def is_writable(field):
    """Tell whether a value can be given to a field."""
    return bool(field.inverse or (field.store and not field.compute) or (field.store and not field.readonly))


def get_text(field, category, place):
    """Give what tells of the person in a field, or None where it can't hold that.

    :param str category: of what is in the field
    :param place: the row; the address of what is others' too isn't the person's
    """
    if field.type in ("char", "text"):
        by_category = {"data_category_name": NAME}
        if place.erasure != "detach":
            by_category["data_category_address"] = STREET
        by_name = {"email": EMAIL, "phone": PHONE}
        return by_name.get(personal_names.get_kind(field.name)) or by_category.get(category, TEXT)
    if field.type == "html":
        return f"<p>About {TEXT}</p>"
    if field.type == "binary":
        return IMAGE if isinstance(field, fields.Image) or "image" in field.name else FILE
    return None


@contextlib.contextmanager
def stay_inside():
    """No mail leaves meanwhile, and nobody outside is asked."""

    def refuse(*arguments, **options):
        raise requests.ConnectionError("Nobody outside is asked by a test.")

    servers = patch.multiple(
        "odoo.addons.base.models.ir_mail_server.IrMail_Server",
        send_email=lambda self, message, *arguments, **options: message["Message-Id"],
        _connect__=lambda self, *arguments, **options: None,
    )
    with servers, patch("requests.sessions.Session.request", refuse):
        yield
