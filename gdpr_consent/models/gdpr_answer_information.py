from odoo import api, fields, models

from ..tools.listing import list_names

# What must be told, by the article that asks for it.
BLOCKS = (
    ("purposes", "15(1)(a)"),
    ("categories", "15(1)(b)"),
    ("recipients", "15(1)(c)"),
    ("retention", "15(1)(d)"),
    ("rights", "15(1)(e)"),
    ("complaint", "15(1)(f)"),
    ("source", "15(1)(g)"),
    ("automated_decisions", "15(1)(h)"),
    ("transfers", "15(2)"),
)
# More than so many are counted, not listed.
LISTED = 10


class GdprAnswer(models.Model):
    """The information that goes with a copy of the data: all of article 15(1)(a) to (h) and (2) (law.md R-50)."""

    _inherit = "gdpr.answer"

    undeclared = fields.Text(
        compute="_compute_undeclared",
        help="The answer can only say that nothing is on record. Declare it on the purposes, and in the data map what"
        " the records are used for.",
    )

    @api.depends("kind", "request_id", "state")
    def _compute_undeclared(self):
        for answer in self:
            is_telling = answer.kind == "access" and answer.state != "expired"
            answer.undeclared = is_telling and "\n".join(answer._find_undeclared(answer._get_purposes()))

    def _find_undeclared(self, purposes):
        """Give what article 15 asks to tell and the company never declared, a line a kind, with the purposes.

        Where there are none, with what is held.
        """
        places = self.place_ids.filtered("record_ids")
        unexplained = places.filtered(lambda place: not place.map_id._get_use())
        missing = {
            self.env._("recipients"): purposes.filtered(
                lambda purpose: not (purpose.recipient_ids or purpose.recipient_categories or purpose.processor_ids)
            ),
            self.env._("automated decisions"): purposes.filtered(lambda purpose: not purpose.automated_decisions),
            self.env._("transfers abroad"): purposes.filtered(lambda purpose: not purpose.transfers),
        }
        if not purposes:
            missing = {", ".join(missing): places}
        missing = {self.env._("purposes"): unexplained, **missing}
        return [
            f"{what}: {list_names(which.mapped('display_name'), LISTED)}" for what, which in missing.items() if which
        ]

    def _get_information(self):
        """Give what article 15 asks to tell, in the language of the context; no block is ever empty.

        :return: for each block ``about`` (a key), ``article``, ``title`` and ``statements`` (sentences)
        :rtype: list[dict]
        """
        self.ensure_one()
        purposes = self._get_purposes()
        titles = self._get_block_titles()
        return [
            {
                "about": about,
                "article": article,
                "title": titles[about],
                "statements": getattr(self, f"_tell_{about}")(purposes),
            }
            for about, article in BLOCKS
        ]

    def _get_block_titles(self):
        return {
            "purposes": self.env._("Why we use your data"),
            "categories": self.env._("The kinds of data"),
            "recipients": self.env._("Who receives it"),
            "retention": self.env._("How long we keep it"),
            "rights": self.env._("Your rights"),
            "complaint": self.env._("Where you can complain"),
            "source": self.env._("Where the data comes from"),
            "automated_decisions": self.env._("Decisions made by a computer"),
            "transfers": self.env._("Transfers abroad"),
        }

    def _get_purposes(self):
        """Give the purposes the person's data is used for: those agreed to, and those that need no consent."""
        person = self.request_id.subject_id.root_id
        given = person.consent_ids.filtered(lambda consent: consent.state == "given").purpose_id
        others = self.env["gdpr.purpose"].search([("legal_basis", "!=", "consent")])
        return (given | others).filtered(lambda purpose: purpose.company_id <= self.company_id)

    def _tell_purposes(self, purposes):
        bases = dict(purposes._fields["legal_basis"]._description_selection(self.env))
        person = self.request_id.subject_id.root_id
        statements = []
        for purpose in purposes:
            basis = self.env._("Legal basis: %(basis)s.", basis=bases[purpose.legal_basis])
            if purpose.legal_basis not in ("consent", person.legal_basis):
                basis = self.env._(
                    "Legal basis, as far as it is about you: %(basis)s.", basis=bases[purpose.legal_basis]
                )
            about = f"{purpose.name}: {purpose.description}" if purpose.description else f"{purpose.name}."
            statements.append(f"{about} {basis}")
        if person.legal_basis in bases and person.legal_basis not in purposes.mapped("legal_basis"):
            statements.append(
                self.env._("We keep your records on this legal basis: %(basis)s.", basis=bases[person.legal_basis])
            )
        by_use = {}
        for place in self.place_ids.filtered("record_ids"):
            use = place.map_id._get_use() or self.env._("What they are used for isn't on record: ask us.")
            by_use.setdefault(use, []).append(place.name)
        statements += [f"{', '.join(dict.fromkeys(names))}: {use}" for use, names in by_use.items()]
        if person.restricted:
            statements.append(self.env._("The processing is suspended: we only store your data."))
        if not self.total_count:
            statements.insert(0, self.env._("We hold no data about you but your request and what was done about it."))
        return statements

    def _tell_categories(self, purposes):
        names = [name for place in self.place_ids for name in place._get_held_categories()]
        places = self.place_ids.filtered("record_ids").mapped("name")
        statements = [", ".join(dict.fromkeys(names))] if names else []
        # Not all that a purpose uses has to be in Odoo.
        further = [name for name in purposes.data_category_ids.mapped("name") if name not in names]
        if further:
            statements.append(
                self.env._("The purposes named may use as well: %(categories)s.", categories=", ".join(further))
            )
        if places:
            statements.append(self.env._("Where we keep it: %(places)s.", places=", ".join(dict.fromkeys(places))))
        return statements or [self.env._("None.")]

    def _tell_recipients(self, purposes):
        receiving, handling = {}, {}
        for purpose in purposes.sudo():
            for recipient in purpose.recipient_ids:
                receiving.setdefault(recipient, []).append(purpose.name)
            for processor in purpose.processor_ids:
                handling.setdefault(processor, []).append(purpose.name)
        statements = [
            self.env._(
                "%(recipient)s receives it for: %(purposes)s.", recipient=recipient.name, purposes=", ".join(names)
            )
            for recipient, names in receiving.items()
        ]
        statements += [
            self.env._(
                "%(processor)s handles it for us, for: %(purposes)s.",
                processor=processor.name,
                purposes=", ".join(names),
            )
            for processor, names in handling.items()
            if processor not in receiving
        ]
        statements += [
            f"{purpose.name}: {purpose.recipient_categories}" for purpose in purposes.filtered("recipient_categories")
        ]
        # Data was passed on under a consent that has ended since as well.
        received = [
            recipient
            for recipient in self.request_id._get_recipients()[self.request_id]
            if recipient not in receiving and recipient not in handling
        ]
        if received:
            names = ", ".join(recipient.name for recipient in received)
            statements.append(self.env._("Your data was or may have been passed on to: %(names)s.", names=names))
        return statements or [self.env._("No recipient outside our company is on record.")]

    def _tell_retention(self, purposes):
        """Give a term for all that is given, or what decides on it where none is fixed (article 15(1)(d))."""
        statements = [f"{purpose.name}: {purpose._get_retention_sentence()}" for purpose in purposes]
        held = self.place_ids.filtered("record_ids")
        kept = held.filtered(lambda place: place.map_id.erasure == "keep")
        for place in kept.map_id:
            statements.append(
                self.env._(
                    "%(place)s: kept for %(months)s months. %(reason)s",
                    place=place.name,
                    months=place.keep_months,
                    reason=place.keep_reason or "",
                ).strip()
            )
        if others := dict.fromkeys((held - kept).mapped("name")):
            statements.append(
                self.env._(
                    "%(places)s: no fixed term: until they aren't needed any more for what we use them for, or you have"
                    " them erased.",
                    places=", ".join(others),
                )
            )
        return statements or [
            self.env._("No fixed term is on record: until it isn't needed any more, or you have it erased.")
        ]

    def _tell_rights(self, _purposes):
        company = self.company_id
        return [
            self.env._("You can have your data corrected or completed (article 16)."),
            self.env._("You can have it erased (article 17), or its use restricted (article 18)."),
            self.env._("You can receive what you gave us as a file for machines (article 20)."),
            self.env._("You can object to its use, and to marketing at any time and without a reason (article 21)."),
            self.env._("You can take back your consent at any time; what was done before stays lawful (article 7(3))."),
            self.env._(
                "Write to %(address)s, or use %(page)s.",
                address=company.gdpr_officer_email or company.email or company.name,
                page=f"{company.get_base_url()}/gdpr/request",
            ),
        ]

    def _tell_complaint(self, _purposes):
        name, url = self.company_id._gdpr_get_authority()
        statements = [
            self.env._(
                "You can complain to a data protection authority: where you live, where you work, or where you think"
                " the law was broken (article 77). You can also go to court (article 79)."
            )
        ]
        if url and not name:
            statements.append(self.env._("The authorities of all countries: %(url)s", url=url))
        elif name:
            authority = " – ".join(filter(None, [name, url]))
            statements.append(self.env._("The authority of our country: %(authority)s", authority=authority))
        return statements

    def _tell_source(self, _purposes):
        sources = self._get_sources()
        return [
            self.env._(
                "Each value says whether it is of the kind that you give or that is entered for you, was observed, or"
                " was derived."
            ),
            self.env._(
                "Each record says how it came to us, as far as that is recorded: %(sources)s.",
                sources="; ".join(sources.values()),
            ),
        ]

    def _get_sources(self):
        """Give the words for where a record comes from, by key of ``gdpr.data.map._read_records``."""
        return {
            "person": self.env._("entered by yourself"),
            "form": self.env._("entered on our web site without logging in"),
            "outsider": self.env._("entered by another user of our web site"),
            "email": self.env._("received by e-mail"),
            "import": self.env._("imported by us from a file; where that was from isn't recorded"),
            "staff": self.env._(
                "made under the account of a member of our staff, who typed it in, imported or received it; from whom"
                " isn't recorded"
            ),
            "automatic": self.env._(
                "made by our system, from an e-mail, a form or another program; which of them isn't recorded"
            ),
            "unknown": self.env._("not recorded"),
        }

    def _get_origins(self):
        """Give the words for how a value was got, by key of ``gdpr.data.map.field.origin``."""
        return {
            "provided": self.env._("given by you, or entered for you"),
            "observed": self.env._("observed"),
            "derived": self.env._("derived"),
        }

    def _tell_automated_decisions(self, purposes):
        deciding = purposes.filtered("automated_decisions")
        statements = [f"{purpose.name}: {purpose.automated_decisions}" for purpose in deciding]
        return statements or [self.env._("No decision that a computer makes alone is on record.")]

    def _tell_transfers(self, purposes):
        statements = [
            f"{purpose.name}: {statement['text']}"
            for purpose in purposes.filtered("transfers")
            for statement in purpose._get_statements()
            if statement["about"] == "transfers"
        ]
        return statements or [self.env._("No transfer out of the European Economic Area is on record.")]
