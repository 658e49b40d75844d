"""How the person is woven into the places where looking at the fields isn't enough. Read by ``weaving.py``.

Keys are the rows of the data map, without the ``data_map_`` before them.
"""

from datetime import timedelta

from odoo import fields

# Rows that stay without the person, and why.
UNWOVEN = {
    "crm_reveal_view": "Odoo keeps an IP address and no link: nothing leads from a person to it.",
}

# Fields that can't hold what tells of a person, though they are texts: their form is checked, or it is made of others.
NAMELESS = {
    "account_move_draft": {"name", "payment_reference"},
    "ir_default": {"json_value"},
    "hr_employee": {"barcode"},
    "res_partner": {"peppol_endpoint"},
    "phone_blacklist": {"number"},
}


def ref(name):
    """Give a value: the id of a record by its external id."""
    return lambda weaver: weaver.env.ref(name).id


def own(model):
    """Give a value: the id of what was woven before."""
    return lambda weaver: weaver.own[model].id


# Values that a record needs besides the links to the person and the required fields.
VALUES = {
    "mail_presence": {"guest_id": False},
    "ir_embedded_actions": {
        "parent_action_id": ref("base.action_partner_form"),
        "action_id": ref("base.action_partner_form"),
        "parent_res_model": "res.partner",
    },
    "loyalty_card": {"program_id": lambda weaver: weaver.make("loyalty.program", {"program_type": "coupons"}).id},
    "stock_picking_open": {"picking_type_id": ref("stock.picking_type_out")},
    "stock_move_line": {
        "move_id": own("stock.move"),
        "product_id": lambda weaver: weaver.own["stock.move"].product_id.id,
    },
    "stock_quant": {
        "product_id": lambda weaver: make_goods(weaver).id,
        "location_id": ref("stock.stock_location_stock"),
    },
    "mrp_production": {"product_id": lambda weaver: make_goods(weaver).id},
    "account_lock_exception": {"sale_lock_date": lambda weaver: fields.Date.today()},
    "hr_resume_line": {"employee_id": own("hr.employee")},
    "hr_leave": {
        "user_id": None,
        "request_date_from": "2026-03-02",
        "request_date_to": "2026-03-02",
        "holiday_status_id": lambda weaver: (
            weaver.make("hr.leave.type", {"requires_allocation": False, "leave_validation_type": "no_validation"}).id
        ),
    },
    "resource_calendar_leaves": {"date_to": lambda weaver: fields.Datetime.now() + timedelta(days=1)},
    "event_registration_answer": {"value_text_box": "An answer"},
    # Booked by the person for somebody else.
    "event_registration_booked": {
        "sale_order_id": None,
        "sale_order_line_id": None,
        "name": "Somebody Else",
        "email": "somebody@example.net",
        "phone": "+39 02 5550 1234",
        "company_name": False,
        "event_id": lambda weaver: weaver.find_or_make("event.event").id,
    },
    "discuss_channel_member": {"guest_id": None, "channel_id": lambda weaver: weaver.make("discuss.channel").id},
    "discuss_channel_rtc_session": {"partner_id": None},
    "chatbot_message": {
        "mail_message_id": lambda weaver: weaver.own["discuss.channel"].message_post(body="A robot asks").id
    },
    # Somebody else's, with the person's address.
    "account_move_delivered": {
        "move_type": "out_invoice",
        "journal_id": lambda weaver: find_journal(weaver, "sale").id,
        "partner_id": lambda weaver: weaver.other.id,
    },
    "sale_order_delivered": {"partner_id": lambda weaver: weaver.other.id},
    "mail_message_received": {"notified_partner_ids": None},
    "mail_message_reaction": {"guest_id": False},
    "card_card": {
        "campaign_id": lambda weaver: (
            weaver.make("card.campaign", {"preview_record_ref": f"res.partner,{weaver.other.id}"}).id
        )
    },
}


def make_goods(weaver, **values):
    """Give a product that is kept in stock."""
    return weaver.make("product.product", {"name": "Goods", "type": "consu", "is_storable": True, **values})


def find_journal(weaver, kind):
    """Give a journal of a company that keeps books."""
    company = weaver.env.company
    if not company.chart_template:
        weaver.env["account.chart.template"].try_loading("generic_coa", company)
    return weaver.env["account.journal"].search([("type", "=", kind), ("company_id", "=", company.id)], limit=1)


def make_employee(weaver):
    """Give the employee that the person is."""
    return weaver.env["hr.employee"].create({"name": weaver.partner.name, "user_id": weaver.user.id})


def make_visitor(weaver):
    """Give a visitor of the website: past the ORM, as Odoo makes them when a page is asked for."""
    weaver.env.cr.execute(
        "INSERT INTO website_visitor (access_token, partner_id, website_id, create_date, last_connection_datetime)"
        " SELECT %s, %s, id, now(), now() FROM website LIMIT 1 RETURNING id",
        [str(weaver.partner.id), weaver.partner.id],
    )
    return weaver.env["website.visitor"].browse(weaver.env.cr.fetchone()[0])


def make_default(weaver):
    """Give a default value that a user has set."""
    weaver.env["ir.default"].set("res.partner", "comment", weaver.partner.name, user_id=weaver.user.id)
    return weaver.env["ir.default"].search([("user_id", "=", weaver.user.id)])


def make_invoice(weaver):
    """Give an invoice that isn't posted."""
    journal = find_journal(weaver, "sale")
    line = {"name": "A boat", "price_unit": 100, "quantity": 1, "tax_ids": []}
    values = {"move_type": "out_invoice", "partner_id": weaver.partner.id, "journal_id": journal.id}
    values |= {"invoice_date": fields.Date.today(), "invoice_line_ids": [(0, 0, line)]}
    return weaver.make("account.move", values)


def make_posted_invoice(weaver):
    """Give an invoice that the customer has got."""
    invoice = make_invoice(weaver)
    invoice.action_post()
    return invoice


def make_entry(weaver, partner=None):
    """Give an entry with a line for the person, not posted."""
    journal = find_journal(weaver, "general")
    accounts = weaver.env["account.account"].search([("account_type", "in", ("income", "expense"))], limit=2)
    lines = [
        {"name": "A boat", "account_id": accounts[0].id, "debit": 100, "partner_id": weaver.partner.id},
        {"name": "A boat", "account_id": accounts[1].id, "credit": 100},
    ]
    values = {"move_type": "entry", "journal_id": journal.id, "line_ids": [(0, 0, line) for line in lines]}
    return weaver.make("account.move", {**values, "partner_id": partner and partner.id})


def make_posted_entry(weaver):
    """Give a posted entry about the person."""
    entry = make_entry(weaver, weaver.partner)
    entry.action_post()
    return entry


def make_bank_line(weaver):
    """Give lines of a bank's statement: one with the person, one with no more than the account."""
    values = {"journal_id": find_journal(weaver, "bank").id, "payment_ref": "Transfer", "amount": 100}
    number = weaver.own["res.partner.bank"].acc_number
    return weaver.env["account.bank.statement.line"].create(
        [{**values, "partner_id": weaver.partner.id}, {**values, "account_number": number}]
    )


def make_delivery(weaver):
    """Give goods that were delivered."""
    picking = weaver.make(
        "stock.picking",
        {
            "picking_type_id": weaver.env.ref("stock.picking_type_out").id,
            "partner_id": weaver.partner.id,
            "location_id": weaver.env.ref("stock.stock_location_stock").id,
            "location_dest_id": weaver.env.ref("stock.stock_location_customers").id,
        },
    )
    move = weaver.make(
        "stock.move",
        {
            "picking_id": picking.id,
            "product_id": make_goods(weaver).id,
            "product_uom_qty": 1,
            "location_id": picking.location_id.id,
            "location_dest_id": picking.location_dest_id.id,
        },
    )
    picking.action_confirm()
    move.write({"quantity": 1, "picked": True})
    picking._action_done()
    return picking


def make_lot(weaver):
    """Give a serial number with a property that names the person's contact."""
    goods = make_goods(weaver, tracking="serial")
    goods.lot_properties_definition = [
        {"name": "woven", "type": "many2one", "string": "Owner", "comodel": "res.partner"}
    ]
    lot = weaver.make("stock.lot", {"product_id": goods.id})
    lot.lot_properties = {"woven": weaver.partner.id}
    return lot


def make_custom_value(weaver):
    """Give a value that a customer typed in for an attribute of a product."""
    attribute = weaver.make("product.attribute", {"value_ids": [(0, 0, {"name": "Engraving", "is_custom": True})]})
    template = weaver.make(
        "product.template",
        {
            "name": "Ring",
            "attribute_line_ids": [
                (0, 0, {"attribute_id": attribute.id, "value_ids": [(6, 0, attribute.value_ids.ids)]})
            ],
        },
    )
    return weaver.make(
        "product.attribute.custom.value",
        {
            "custom_product_template_attribute_value_id": (template.attribute_line_ids.product_template_value_ids.id),
            "sale_order_line_id": weaver.own["sale.order.line"].id,
        },
    )


def make_livechat(weaver):
    """Give a live chat of the person with a colleague."""
    colleague = weaver.other_user.partner_id
    channel = weaver.make(
        "discuss.channel",
        {
            "channel_type": "livechat",
            "livechat_operator_id": colleague.id,
            "livechat_channel_id": weaver.find_or_make("im_livechat.channel").id,
            "channel_member_ids": [
                (0, 0, {"partner_id": colleague.id, "livechat_member_type": "agent"}),
                (0, 0, {"partner_id": weaver.partner.id, "livechat_member_type": "visitor"}),
            ],
        },
    )
    return channel


def make_group_message(weaver):
    """Give a message to a mailing list."""
    group = weaver.find_or_make("mail.group")
    message = weaver.make(
        "mail.message",
        {
            "model": "mail.group",
            "res_id": group.id,
            "author_id": weaver.partner.id,
            "email_from": weaver.partner.email,
            "body": weaver.partner.name,
        },
    )
    return weaver.make("mail.group.message", {"mail_group_id": group.id, "mail_message_id": message.id})


# What gives the record of a row.
RECIPES = {
    "hr_employee": make_employee,
    "website_visitor": make_visitor,
    "res_users_settings": lambda weaver: weaver.env["res.users.settings"]._find_or_create_for_user(weaver.user),
    "ir_default": make_default,
    "account_move": make_posted_invoice,
    "account_move_entry": make_posted_entry,
    "account_move_draft": make_invoice,
    "account_move_line": lambda weaver: make_posted_invoice(weaver).invoice_line_ids,
    "account_move_line_draft": lambda weaver: make_entry(weaver).line_ids[:1],
    "account_bank_statement_line": make_bank_line,
    "stock_picking": make_delivery,
    "stock_lot": make_lot,
    "product_attribute_custom_value": make_custom_value,
    "sale_order_line_draft": lambda weaver: weaver.make(
        "sale.order.line", {"order_id": weaver.make("sale.order", {"partner_id": weaver.partner.id}).id}
    ),
    "hr_version": lambda weaver: weaver.own["hr.employee"].version_id,
    "project_task_stage_personal": lambda weaver: (
        weaver.env["project.task.stage.personal"].search([("user_id", "=", weaver.user.id)], limit=1)
        or weaver.make("project.task", {"user_ids": [(4, weaver.user.id)]}).personal_stage_id
    ),
    "project_task_type": lambda weaver: weaver.make("project.task.type", user=weaver.user),
    "mail_activity_user": lambda weaver: weaver.other.activity_schedule(
        "mail.mail_activity_data_todo", user_id=weaver.user.id
    ),
    "discuss_channel_livechat": make_livechat,
    "im_livechat_channel_member_history": lambda weaver: weaver.own["discuss.channel"].livechat_customer_history_ids,
    "mail_group_message": make_group_message,
}
