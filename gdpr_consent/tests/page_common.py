from lxml import html

from odoo.tests import HttpCase

from .common import ConsentCase

BUTTONS = {"accept", "save", "refuse"}


class PageCase(ConsentCase, HttpCase):
    """The pages of the add-on, used as a browser without scripts would."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.lang = "en_US"
        # What a page may never touch; the counters of the rate limit aren't among them.
        cls.watched_models = (
            "gdpr.subject",
            "gdpr.consent",
            "gdpr.consent.event",
            "gdpr.consent.event.value",
            "gdpr.consent.request",
            "gdpr.link",
            "mail.message",
            "mail.mail",
            "res.partner",
        )

    @classmethod
    def publish_several_purposes(cls):
        """Publish the form with two purposes, each with its own channels."""
        cls.profiling.channel_ids = cls.email_channel | cls.phone_channel
        cls.form.purpose_ids = cls.marketing | cls.profiling
        cls.form.action_publish()

    @classmethod
    def publish_in_italian(cls):
        """Activate Italian and publish the form in it too."""
        cls.env["res.lang"]._activate_lang("it_IT")
        cls.form.with_context(lang="it_IT").title = "Possiamo restare in contatto?"
        cls.form.action_publish()

    def open_consent(self, token, **options):
        return self.url_open(f"/gdpr/consent/{token}", **options)

    def open_preferences(self, token, **options):
        return self.url_open(f"/gdpr/preferences/{token}", **options)

    def parse(self, response):
        return html.fromstring(response.content)

    def get_hidden_fields(self, response, form=0):
        """Give the hidden fields of one of the forms of a page, as a browser would send them."""
        inputs = self.parse(response).forms[form].xpath(".//input[@type='hidden']")
        return [(field.name, field.value) for field in inputs]

    def submit(self, path, fields, form=0):
        """Open a page and submit one of its forms with these fields added.

        :param list[tuple[str, str]] fields: as a browser sends them, names may be repeated
        """
        return self.url_open(path, data=[*self.get_hidden_fields(self.url_open(path), form), *fields])

    def answer(self, token, button, *fields, path=""):
        """Open the consent page and press a button, with fields ticked or filled in."""
        return self.submit(f"/gdpr/consent/{token}{path}", [*fields, ("answer", button)])

    def get_state(self, card):
        self.env.invalidate_all()
        return card.sudo().gdpr_consent_state

    def get_given(self, card):
        """Give the channel codes allowed, by code of each purpose agreed to."""
        self.env.invalidate_all()
        consents = card.sudo().gdpr_subject_id.consent_ids.filtered(lambda consent: consent.state == "given")
        return {consent.purpose_id.code: set(consent.channel_ids.mapped("code")) for consent in consents}

    def get_history(self, card):
        self.env.invalidate_all()
        return self.get_events(card)

    def get_last_values(self, card):
        """Give the personal values of the last act of a card, by name."""
        self.env.invalidate_all()
        events = card.sudo().gdpr_subject_id.event_ids.sorted("sequence")
        act = events.filtered(lambda event: event.act == events[-1].act)
        return {value.name: value.value for value in act.value_ids}

    def take_snapshot(self):
        """Give what is stored, to compare before and after."""
        self.env.flush_all()
        self.env.invalidate_all()
        subjects = self.env["gdpr.subject"].sudo().search([], order="id")
        requests = self.env["gdpr.consent.request"].sudo().search([], order="id")
        return (
            {
                model: self.env[model].sudo().with_context(active_test=False).search_count([])
                for model in self.watched_models
            },
            subjects.read(["consent_state", "head_sequence", "head_hash", "write_date"]),
            requests.read(["state", "answered_on", "write_date"]),
        )
