import re

from odoo import api, fields, models
from odoo.tools import format_datetime

from .gdpr_consent_event import SOURCES
from .gdpr_subject_mixin_entry import RECORDABLE_SOURCES

SEPARATORS = re.compile(r"[,;\n]")
# "Newsletter, version 2" or, as Odoo shows it in any language, "Newsletter, versione 2 (it_IT)".
WORDING = re.compile(r"^(?P<form>.+?)(?:,?\s+versi\w+\s+(?P<number>\d+))?(?:\s+\((?P<lang>\w+)\))?$", re.IGNORECASE)


class GdprImportReader(models.AbstractModel):
    """Reads what a row of an import states of a consent, and says what is missing for it to count (law.md R-19).

    What it looks up it looks up once for all rows.
    """

    _name = "gdpr.import.reader"
    _description = "Reader of Imported Consents"

    @api.model
    def _prepare(self, cards):
        """Give a reader for the rows of an import that are about these cards."""
        memory = {"objections": cards._gdpr_get_objection_dates()}
        return self.sudo().with_context(gdpr_reader=memory)

    def _read(self, card, said):
        """Read one row.

        :param card: whom it is about
        :param dict said: the columns that say something
        :return: ``problems`` (sentences), and without any ``version``, ``choices`` (channel codes by id of the
            purpose, without what is on record already) and ``act`` (values for ``_record_acts``)
        :rtype: dict
        """
        problems = []
        company = card._gdpr_get_company()
        purposes = self._find_all("gdpr.purpose", said.get("gdpr_import_purposes"), company, problems)
        channels = self._find_all("gdpr.channel", said.get("gdpr_import_channels"), company, problems)
        source = self._find_source(said.get("gdpr_import_source"), problems)
        given_on = fields.Datetime.to_datetime(said.get("gdpr_import_given_on"))
        is_declared = bool(source) and company._needs_gdpr_confirmation(source)
        # Who is asked to confirm reads the wording now.
        shown_on = None if is_declared else given_on
        named, lang = said.get("gdpr_import_wording"), card._gdpr_get_lang()
        version = self._find_version(named, company, lang, shown_on, problems)
        words = (said.get("gdpr_import_words") or "").strip()
        evidence = (said.get("gdpr_import_evidence") or "").strip()
        if not purposes and not said.get("gdpr_import_purposes"):
            problems.append(self.env._("No purpose is named."))
        if not given_on:
            problems.append(self.env._("There is no date."))
        if not evidence:
            problems.append(self.env._("There is no evidence."))
        choices = {purpose.id: (purpose.channel_ids & channels).mapped("code") for purpose in purposes}
        for purpose in purposes:
            if purpose.channel_ids and not choices[purpose.id]:
                problems.append(self.env._("“%(purpose)s”: no way to contact the person.", purpose=purpose.name))
        if version:
            unasked = purposes - self._get_purposes(version)
            if unasked:
                problems.append(
                    self.env._(
                        "The wording “%(wording)s” doesn't ask for %(purposes)s.",
                        wording=version.display_name,
                        purposes=", ".join(unasked.mapped("name")),
                    )
                )
        problems += self._check_words(said, words, purposes, is_declared)
        problems += self._find_obstacles(card, purposes, choices, given_on)
        if words and is_declared:
            evidence = f"{evidence}\n{words}"
        elif words and not problems:
            freeze = self.env["gdpr.consent.form"]._freeze_words
            version = self._remember((words, purposes, company), lambda: freeze(words, purposes, company))
        return {
            "problems": problems,
            "version": version,
            "choices": self._leave_out_known(card, choices, given_on) if not problems else choices,
            "act": {
                "source": source,
                "occurred_on": given_on,
                "values": {"evidence": evidence, "note": ""},
                "attachment": None,
            },
        }

    def _find_all(self, model, text, company, problems):
        """Give the records that a list of names or codes means."""
        words = [word.strip() for word in SEPARATORS.split(text or "") if word.strip()]
        known = self._remember((model, company), lambda: self._list_by_words(model, company))
        unknown = [word for word in words if word.lower() not in known]
        if unknown:
            problems.append(self.env._("Unknown: %(codes)s.", codes=", ".join(unknown)))
        return self.env[model].union(*(known[word.lower()] for word in words if word.lower() in known))

    def _list_by_words(self, model, company):
        domain = [("company_id", "in", [False, company.id])] if model == "gdpr.purpose" else []
        found = {}
        # The company's own before the shared one of the same code.
        for record in self.env[model].search(domain).sorted(lambda record: domain and bool(record.company_id)):
            found |= dict.fromkeys((record.code.lower(), record.name.lower()), record)
        return found

    def _find_source(self, text, problems):
        word = (text or "import").strip().lower()
        sources = self._remember("sources", self._list_sources)
        source = sources.get(word)
        if not source:
            problems.append(self.env._("“%(way)s” is not a way to collect an answer.", way=text))
        elif source not in RECORDABLE_SOURCES:
            problems.append(
                self.env._("What the person answered by “%(way)s” elsewhere can't be told from a list.", way=text)
            )
        return source

    def _list_sources(self):
        labels = self.env["gdpr.consent.event"]._fields["source"]._description_selection(self.env)
        return {word.lower(): key for pairs in (SOURCES, labels) for key, label in pairs for word in (key, label)}

    def _check_words(self, said, words, purposes, is_declared):
        """Give what speaks against words used elsewhere, or against there being none, as sentences."""
        is_named = bool((said.get("gdpr_import_wording") or "").strip())
        if is_declared:
            return [] if is_named else [self.env._("No wording is named: what shall the person confirm?")]
        if not words:
            return [] if is_named else [self.env._("No wording is named: what did the person agree to?")]
        if is_named:
            return [self.env._("There are words and a wording: which did the person agree to? Leave one empty.")]
        return [
            self.env._("“%(purpose)s” isn't based on consent.", purpose=purpose.name)
            for purpose in purposes
            if purpose.legal_basis != "consent"
        ]

    def _find_version(self, text, company, lang, shown_on, problems):
        """Give the frozen wording meant; empty when none is.

        :param datetime shown_on: when the person was told its words (UTC); None: now
        """
        none = self.env["gdpr.consent.form.version"]
        if not (text or "").strip():
            return none
        form, number, lang = self._remember((text, company, lang), lambda: self._look_for_form(text, company, lang))
        if not form:
            problems.append(self.env._("No published form, or version of it, is called “%(name)s”.", name=text))
            return none
        if shown_on:
            publications = dict(form._get_publications())
            number = number or form._get_number_at(shown_on)
            if not number or publications[number] > shown_on:
                published_on = publications[number or min(publications)]
                problems.append(self._describe_too_late(text, published_on))
                return none
        number = number or form.version_number
        return self._remember((form, number, lang), lambda: form._get_version(lang, number))

    def _describe_too_late(self, text, published_on):
        return self.env._(
            "The wording “%(wording)s” was published on %(date)s, after that date: the person can't have agreed to it."
            " Give the words of then as “Consent: Words”.",
            wording=text,
            date=format_datetime(self.env, published_on, dt_format="short"),
        )

    def _look_for_form(self, text, company, lang):
        """Give the form meant, the number of its version where one is named, and the language."""
        forms = self.env["gdpr.consent.form"].with_context(active_test=False)
        for name, number, language in self._split_wording(text.strip()):
            found = forms.search(
                [("name", "=ilike", self._escape(name)), ("company_id", "=", company.id), ("version_number", ">", 0)]
            )
            for form in found:
                versions = form._get_versions(number or form.version_number)
                if versions and (not language or language in versions.mapped("lang")):
                    return form, number, language or lang
        return forms.browse(), None, lang

    def _split_wording(self, text):
        """Give the readings of a name: as it stands first, for a form may be called “Version 2”."""
        match = WORDING.match(text)
        return [(text, None, None), (match["form"], int(match["number"] or 0), match["lang"])]

    def _escape(self, text):
        return re.sub(r"([\\%_])", r"\\\1", text)

    def _get_purposes(self, version):
        return self._remember(version, version._get_purposes)

    def _find_obstacles(self, card, purposes, choices, given_on):
        """Give what speaks against a consent of a date, as sentences."""
        problems = []
        now = fields.Datetime.now()
        person = card.gdpr_subject_id.root_id
        if person.legal_basis != "consent":
            names = dict(card._fields["gdpr_legal_basis"]._description_selection(self.env))
            problems.append(self.env._("The legal basis is “%(basis)s”, not Consent.", basis=names[person.legal_basis]))
        if not given_on:
            return problems
        objected_on = self.env.context["gdpr_reader"]["objections"].get(card.id)
        if objected_on and any(purpose._is_marketing() for purpose in purposes):
            problems.append(
                self.env._("The person has objected to any marketing after that date.")
                if objected_on > given_on
                else self.env._("The person objects to any marketing, and nobody else can take that back.")
            )
        if given_on > now:
            problems.append(self.env._("The date is in the future."))
            return problems
        for purpose in purposes:
            expiry = purpose._get_expiry(given_on)
            if expiry and expiry <= now:
                problems.append(
                    self.env._("A consent of that date for “%(purpose)s” has lapsed already.", purpose=purpose.name)
                )
        # Not filtered first, so that the answers of all rows are read at once.
        for consent in person.consent_ids:
            if consent.purpose_id not in purposes:
                continue
            name = consent.purpose_id.name
            if consent._was_denied_after(given_on):
                problems.append(self.env._("The person has said no to “%(purpose)s” after that date.", purpose=name))
            elif codes := consent._get_channels_denied_after(given_on, choices[consent.purpose_id.id]):
                problems.append(
                    self.env._(
                        "“%(purpose)s”: the person has taken %(channels)s back after that date.",
                        purpose=name,
                        channels=", ".join(codes),
                    )
                )
        return problems

    def _leave_out_known(self, card, choices, given_on):
        """Give those of the choices that aren't on record already, from that moment or a later one."""
        person = card.gdpr_subject_id.root_id
        known = {
            consent.purpose_id.id
            for consent in person.consent_ids
            if consent.state in ("given", "expired") and consent.given_on >= given_on
        }
        for request in person.request_ids:
            # Asked to confirm that already.
            if request.kind == "confirmation" and request.state in ("queued", "sent"):
                declared = request._get_declared_choices().items()
                known |= {
                    purpose_id for purpose_id, codes in declared if set(codes) >= set(choices.get(purpose_id, ()))
                }
        return {purpose_id: codes for purpose_id, codes in choices.items() if purpose_id not in known}

    def _remember(self, key, look_up):
        """Give what was looked up for a key, the first time by looking it up."""
        memory = self.env.context["gdpr_reader"]
        if key not in memory:
            memory[key] = look_up()
        return memory[key]
