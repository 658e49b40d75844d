from odoo.exceptions import UserError
from odoo.http import Controller, request, route

from ..models.gdpr_rectification_line import Proposal
from ..models.gdpr_subject_request import OPEN_STATES
from .answers import NOTE_LIMIT
from .privacy_page import LINK_PAGE
from .request_link_page import RequestLinkPage

# Many times the size of what was sent.
MEGABYTES = 1
FILE_LIMIT = MEGABYTES * 1024 * 1024
# What a person picks a value from.
LISTED_MODELS = ("res.country", "res.country.state", "res.lang", "res.partner.industry", "res.partner.title")
CHOICES = 500


class RectificationPage(RequestLinkPage, Controller):
    """Where a person says what is right instead of what is on record (article 16, S33)."""

    @route("/gdpr/rectification/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def rectification(self, token, **_params):
        """Show what is on record, or note what the person proposes; the record stays until somebody decides."""
        link, page = self._find_link("rectification", token)
        if page:
            return page
        case = link.answer_id.request_id
        if case.state not in OPEN_STATES:
            return self._unusable()
        self._speak(link._get_lang())
        case = case.with_context(lang=request.env.lang)
        if request.httprequest.method != "POST":
            return self._show_corrections(link, case)
        form = request.httprequest.form
        lines = request.env["gdpr.answer"].sudo()._read_cards(case)
        values, emptied = self._read_inputs(form, lines)
        try:
            values += self._read_file(case)
        except UserError as error:
            return self._show_corrections(link, case, status=422, problem=str(error), sent=form)
        statement = (form.get("statement") or "").replace("\0", "").strip()[:NOTE_LIMIT]
        proposed = case._propose_corrections(values, statement)
        return self._show_corrections(link, case, proposed=proposed, emptied=emptied, is_answered=True)

    def _read_inputs(self, form, lines):
        """Give what the person changed: an input that is as it was shown says nothing, nor does one that was emptied.

        :return: the proposals, and the labels of what was emptied and isn't ticked to be removed
        :rtype: tuple[list[Proposal], list[str]]
        """
        proposals, emptied = [], []
        for line in lines:
            name = get_input_name(line)
            place = (line["model"], line["res_id"], line["field"])
            shown = form.get(f"shown.{name}", line["value"])
            if f"remove.{name}" in form:
                proposals.append(Proposal(*place, "", shown))
            elif name in form and form[name].split() != shown.split():
                if form[name].strip():
                    proposals.append(Proposal(*place, form[name], shown))
                else:
                    emptied.append(line["label"])
        return proposals, emptied

    def _read_file(self, case):
        """Give what the file says that was sent with the form.

        :rtype: list[Proposal]
        :raise UserError: it is too large, or isn't the file that was sent
        """
        file = request.httprequest.files.get("file")
        # One octet more than allowed tells that there is more.
        content = file.read(FILE_LIMIT + 1) if file else b""
        if len(content) > FILE_LIMIT:
            raise UserError(
                request.env._(
                    "“%(name)s” is larger than %(size)s MB, so it can't be the file we sent you. What you typed is"
                    " still here: send it without the file, or choose the right one.",
                    name=file.filename,
                    size=MEGABYTES,
                )
            )
        return case._parse_corrections(content) if content else []

    def _get_choices(self, lines):
        """Give the names to choose from where a value is one of a list, by the input's name; the shown one included.

        States are those of the card's country. Long lists, and lists that name people, aren't given out.
        """
        choices = {}
        for line in lines:
            record = request.env[line["model"]].sudo().browse(line["res_id"])
            field = record._fields[line["field"]]
            if field.type == "selection":
                names = [name for _key, name in field._description_selection(request.env)]
            elif field.type == "many2one" and field.comodel_name in LISTED_MODELS:
                country = field.comodel_name == "res.country.state" and record["country_id"]
                domain = [("country_id", "=", country.id)] if country else []
                listed = request.env[field.comodel_name].sudo().search(domain, limit=CHOICES + 1)
                names = listed.mapped("display_name") if len(listed) <= CHOICES else []
            else:
                continue
            if names:
                choices[get_input_name(line)] = names if line["value"] in ("", *names) else [line["value"], *names]
        return choices

    def _show_corrections(self, link, case, status=200, **values):
        lines = request.env["gdpr.answer"].sudo()._read_cards(case)
        return self._render(
            "gdpr_consent.rectification_page",
            {
                "form": link._get_form(),
                "number": case.name,
                "lines": lines,
                "get_input_name": get_input_name,
                "choices": self._get_choices(lines),
                "proposed": None,
                "emptied": None,
                "problem": None,
                "sent": {},
                "is_answered": False,
                **values,
            },
            status=status,
        )


def get_input_name(line):
    """Give the name of the input for a line of a card."""
    return f"value.{line['model']}.{line['res_id']}.{line['field']}"
