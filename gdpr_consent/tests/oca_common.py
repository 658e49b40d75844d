"""The tables that OCA's privacy and privacy_consent 18.0 leave behind, as Odoo's ORM makes them."""

TABLES = """
    CREATE TABLE privacy_activity (
        id SERIAL PRIMARY KEY, create_uid int4, write_uid int4, controller_id int4 NOT NULL,
        server_action_id int4, consent_template_id int4, subject_domain varchar, consent_required varchar,
        name jsonb NOT NULL, description jsonb, active bool, subject_find bool, default_consent bool,
        create_date timestamp, write_date timestamp
    );
    CREATE TABLE privacy_consent (
        id SERIAL PRIMARY KEY, partner_id int4 NOT NULL, activity_id int4 NOT NULL, create_uid int4, write_uid int4,
        state varchar NOT NULL, last_metadata text, active bool, accepted bool,
        create_date timestamp, write_date timestamp,
        CONSTRAINT privacy_consent_unique_partner_activity UNIQUE (partner_id, activity_id)
    );
"""
METADATA = "User agent: Mozilla/5.0\nRemote IP: None\nDate and time: {}"
BODY = """<div><p>Hello, Person</p><p>We contacted you to ask for your explicit consent: <b>News of the shop</b></p>
<a href="/privacy/consent/accept/">Accept</a> <a href="/privacy/consent/reject/">Reject</a></div>"""
