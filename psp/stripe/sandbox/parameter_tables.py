"""The parameters each endpoint knows: Stripe API 2026-10-28.endive, as `stripe` 16.1.0 types them.

What would have to be ignored in silence is listed as not simulated, and refused by that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.stripe.sandbox.checking import Kind, Rule

Rules = Mapping[str, Rule]

_TEXT: Final = Rule(Kind.TEXT)
_SET_TEXT: Final = Rule(Kind.TEXT, clearable=False)
_TEXTS: Final = Rule(Kind.TEXTS)
_FLAG: Final = Rule(Kind.BOOLEAN)
_METADATA: Final = Rule(Kind.METADATA)
_RANGE: Final = Rule(Kind.RANGE, clearable=False)


def _hash(rules: Rules, *, required: bool = False) -> Rule:
    return Rule(Kind.HASH, rules=rules, required=required)


def _choice(*choices: str, clearable: bool = True) -> Rule:
    return Rule(Kind.TEXT, choices=frozenset(choices), clearable=clearable)


def _not_simulated(names: str) -> Rules:
    return dict.fromkeys(names.split(), Rule(Kind.NOT_SIMULATED))


_EXPAND: Final[Rules] = {"expand": _TEXTS}
_PAGE: Final[Rules] = {
    **_EXPAND,
    "limit": Rule(Kind.INTEGER, low=1, high=100, clearable=False),
    "starting_after": _SET_TEXT,
    "ending_before": _SET_TEXT,
}
_ADDRESS: Final = _hash(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), _TEXT)
)
_SHIPPING: Final = _hash(
    {
        "address": _ADDRESS,
        "name": _SET_TEXT,
        "phone": _TEXT,
        "carrier": _TEXT,
        "tracking_number": _TEXT,
    }
)
_METHOD_TYPE: Final = _choice("card", "paypal", clearable=False)
_REDISPLAY: Final = _choice("always", "limited", "unspecified", clearable=False)
_CAPTURE_METHOD: Final = _choice("automatic", "automatic_async", "manual", clearable=False)
_OFF_SESSION: Final = _choice("true", "false", "one_off", "recurring", clearable=False)
_BILLING: Final = _hash(
    {"address": _ADDRESS, "email": _TEXT, "name": _TEXT, "phone": _TEXT, "tax_id": _TEXT}
)

# Test payment methods stand for card numbers: a number itself never reaches a server of ours.
_METHOD_DATA: Final = _hash(
    {
        "type": Rule(
            Kind.TEXT, required=True, choices=frozenset({"card", "paypal"}), clearable=False
        ),
        "allow_redisplay": _REDISPLAY,
        "billing_details": _BILLING,
        "metadata": _METADATA,
        "paypal": _hash({}),
        **_not_simulated("card radar_options"),
    }
)
_CARD_OPTIONS: Final = _hash(
    {
        "capture_method": _choice("manual"),
        "request_three_d_secure": _choice("any", "automatic", "challenge", clearable=False),
        "setup_future_usage": _choice("none", "on_session", "off_session"),
        **_not_simulated(
            "cvc_token installments mandate_options moto network request_extended_authorization "
            "request_incremental_authorization request_multicapture request_overcapture "
            "require_cvc_recollection setup_credential_usage statement_descriptor_suffix_kana "
            "statement_descriptor_suffix_kanji stored_credential_usage three_d_secure"
        ),
    }
)
_PAYPAL_OPTIONS: Final = _hash(
    {
        "capture_method": _choice("manual"),
        "preferred_locale": _SET_TEXT,
        "reference": _SET_TEXT,
        "risk_correlation_id": _SET_TEXT,
        "setup_future_usage": _choice("none", "off_session"),
    }
)
_METHOD_OPTIONS: Final = _hash({"card": _CARD_OPTIONS, "paypal": _PAYPAL_OPTIONS})
_MANDATE_DATA: Final = _hash(
    {
        "customer_acceptance": _hash(
            {
                "type": _choice("online", "offline", clearable=False),
                "accepted_at": Rule(Kind.INTEGER),
                "online": _hash({"ip_address": _TEXT, "user_agent": _TEXT}),
                "offline": _hash({}),
            },
            required=True,
        )
    }
)

_INTENT_CHANGES: Final[Rules] = {
    **_EXPAND,
    "capture_method": _CAPTURE_METHOD,
    "payment_method": _SET_TEXT,
    "payment_method_types": Rule(Kind.TYPES_REMOVED, clearable=False),
    "payment_method_data": _METHOD_DATA,
    "payment_method_options": _METHOD_OPTIONS,
    "receipt_email": _TEXT,
    "setup_future_usage": _choice("on_session", "off_session"),
    "shipping": _SHIPPING,
    **_not_simulated("amount_details excluded_payment_method_types hooks payment_details"),
}
_CONFIRMATION: Final[Rules] = {
    "error_on_requires_action": _FLAG,
    "mandate_data": _MANDATE_DATA,
    "off_session": _OFF_SESSION,
    "return_url": _SET_TEXT,
    "use_stripe_sdk": _FLAG,
    **_not_simulated("confirmation_token mandate radar_options"),
}
_DESCRIPTION: Final[Rules] = {
    "customer": _SET_TEXT,
    "description": Rule(Kind.TEXT, max_length=1000),
    "metadata": _METADATA,
    "allowed_payment_method_types": Rule(
        Kind.TEXTS, choices=frozenset({"card", "paypal"}), clearable=False
    ),
    "statement_descriptor": Rule(Kind.TEXT, max_length=22),
    "statement_descriptor_suffix": Rule(Kind.TEXT, max_length=22),
    **_not_simulated(
        "application_fee_amount customer_account payment_method_configuration transfer_data "
        "transfer_group"
    ),
}
_AMOUNT: Final = Rule(Kind.INTEGER, clearable=False, low=1)

INTENT_CREATE: Final[Rules] = {
    **_INTENT_CHANGES,
    **_CONFIRMATION,
    **_DESCRIPTION,
    "amount": Rule(Kind.INTEGER, required=True, clearable=False, low=1),
    "currency": Rule(Kind.TEXT, required=True, clearable=False),
    "automatic_payment_methods": _hash(
        {
            "enabled": Rule(Kind.BOOLEAN, required=True),
            "allow_redirects": _choice("always", "never", clearable=False),
        }
    ),
    "confirm": _FLAG,
    # Confirmation by the server after the shopper's action is another protocol altogether.
    "confirmation_method": _choice("automatic", clearable=False),
    **_not_simulated("on_behalf_of"),
}
INTENT_CONFIRM: Final[Rules] = {
    **_INTENT_CHANGES,
    **_CONFIRMATION,
    **_not_simulated("allowed_payment_method_types amount_to_confirm"),
}
INTENT_UPDATE: Final[Rules] = {
    **_INTENT_CHANGES,
    **_DESCRIPTION,
    "amount": _AMOUNT,
    "currency": _SET_TEXT,
}
INTENT_CAPTURE: Final[Rules] = {
    **_EXPAND,
    "amount_to_capture": _AMOUNT,
    "metadata": _METADATA,
    "statement_descriptor": Rule(Kind.TEXT, max_length=22),
    "statement_descriptor_suffix": Rule(Kind.TEXT, max_length=22),
    **_not_simulated(
        "amount_details application_fee_amount final_capture hooks payment_details transfer_data"
    ),
}
INTENT_CANCEL: Final[Rules] = {
    **_EXPAND,
    "cancellation_reason": _choice(
        "abandoned", "duplicate", "fraudulent", "requested_by_customer", clearable=False
    ),
}
INTENT_RETRIEVE: Final[Rules] = {**_EXPAND, "client_secret": _SET_TEXT}
INTENT_LIST: Final[Rules] = {
    **_PAGE,
    "created": _RANGE,
    "customer": _SET_TEXT,
    **_not_simulated("customer_account"),
}

SETUP_CREATE: Final[Rules] = {
    **_EXPAND,
    "allowed_payment_method_types": Rule(
        Kind.TEXTS, choices=frozenset({"card", "paypal"}), clearable=False
    ),
    "customer": _SET_TEXT,
    "description": Rule(Kind.TEXT, max_length=1000),
    "metadata": _METADATA,
    "usage": _choice("off_session", "on_session", clearable=False),
    # A set-up is confirmed by its page.
    **_not_simulated(
        "attach_to_self automatic_payment_methods confirm confirmation_token customer_account "
        "excluded_payment_method_types flow_directions mandate_data on_behalf_of payment_method "
        "payment_method_configuration payment_method_data payment_method_options return_url "
        "single_use use_stripe_sdk"
    ),
}
SETUP_RETRIEVE: Final[Rules] = {**_EXPAND, "client_secret": _SET_TEXT}
SETUP_CONFIRM: Final[Rules] = {
    **_EXPAND,
    "mandate_data": _MANDATE_DATA,
    "payment_method": _SET_TEXT,
    "payment_method_data": _METHOD_DATA,
    "return_url": _SET_TEXT,
    "use_stripe_sdk": _FLAG,
    **_not_simulated("allowed_payment_method_types confirmation_token payment_method_options"),
}

_CUSTOMER: Final[Rules] = {
    **_EXPAND,
    "address": _ADDRESS,
    "description": _TEXT,
    "email": Rule(Kind.TEXT, max_length=512),
    "invoice_settings": _hash(
        {
            "default_payment_method": _TEXT,
            **_not_simulated("custom_fields footer rendering_options"),
        }
    ),
    "metadata": _METADATA,
    "name": Rule(Kind.TEXT, max_length=256),
    "phone": Rule(Kind.TEXT, max_length=20),
    "preferred_locales": _TEXTS,
    "shipping": _SHIPPING,
    "tax_exempt": _choice("exempt", "none", "reverse"),
    **_not_simulated(
        "balance business_name cash_balance individual_name invoice_prefix next_invoice_sequence "
        "source tax validate"
    ),
}
CUSTOMER_CREATE: Final[Rules] = {
    **_CUSTOMER,
    "payment_method": _SET_TEXT,
    **_not_simulated("tax_id_data test_clock"),
}
CUSTOMER_UPDATE: Final[Rules] = {**_CUSTOMER, **_not_simulated("default_source")}

METHODS_OF_CUSTOMER: Final[Rules] = {
    **_PAGE,
    "allow_redisplay": _REDISPLAY,
    "type": _METHOD_TYPE,
}
METHOD_ATTACH: Final[Rules] = {
    **_EXPAND,
    "customer": Rule(Kind.TEXT, required=True, clearable=False),
    **_not_simulated("customer_account"),
}
METHOD_UPDATE: Final[Rules] = {
    **_EXPAND,
    "allow_redisplay": _REDISPLAY,
    "billing_details": _BILLING,
    "metadata": _METADATA,
    **_not_simulated("card us_bank_account"),
}
REFUND_CREATE: Final[Rules] = {
    **_EXPAND,
    "amount": _AMOUNT,
    "charge": _SET_TEXT,
    "metadata": _METADATA,
    "payment_intent": _SET_TEXT,
    "reason": _choice("duplicate", "fraudulent", "requested_by_customer", clearable=False),
    **_not_simulated(
        "currency customer instructions_email origin refund_application_fee reverse_transfer"
    ),
}
REFUND_LIST: Final[Rules] = {
    **_PAGE,
    "charge": _SET_TEXT,
    "created": _RANGE,
    "payment_intent": _SET_TEXT,
}
BALANCE_LIST: Final[Rules] = {
    **_PAGE,
    "created": _RANGE,
    "currency": _SET_TEXT,
    "source": _SET_TEXT,
    "type": _SET_TEXT,
    **_not_simulated("payout"),
}
REPORT_CREATE: Final[Rules] = {
    **_EXPAND,
    "report_type": Rule(Kind.TEXT, required=True, clearable=False),
    "parameters": _hash(
        {
            "columns": _TEXTS,
            "interval_end": Rule(Kind.INTEGER),
            "interval_start": Rule(Kind.INTEGER),
            **_not_simulated("connected_account currency payout reporting_category timezone"),
        }
    ),
}
REVIEW_LIST: Final[Rules] = {**_PAGE, "created": _RANGE}
EVENT_LIST: Final[Rules] = {
    **_PAGE,
    "created": _RANGE,
    "type": _SET_TEXT,
    "types": _TEXTS,
    **_not_simulated("delivery_success"),
}
ONLY_EXPAND: Final[Rules] = _EXPAND
