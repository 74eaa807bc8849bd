"""What can be wrong with a configuration file, one mistake at a time: its place and its cure."""

from __future__ import annotations

from typing import Final

Mistakes = list[tuple[dict[str, str], str]]
"""Changes of `files.VALID`, and the one line that they must give."""

FILE: Final[Mistakes] = [
    (
        {"[countries.FR]": "[country.FR]\n[countries.FR]"},
        "country: is no key of this table: did you mean countries?",
    ),
    (
        {"[countries.HU]": "[countries]\nXX = 1\n[countries.HU]"},
        "countries.XX: is no table: write it as a table with its own keys",
    ),
]

ACCOUNTS: Final[Mistakes] = [
    (
        {"psp = ": "pps = 1\npsp = "},
        "accounts.stripe_eu.pps: is no key of this table: did you mean psp?",
    ),
    (
        {"psp = ": "retire = true\npsp = "},
        "accounts.stripe_eu.retire: is no key of this table: did you mean retired?",
    ),
    (
        {'psp = "stripe"': 'psp = "strip"'},
        "accounts.stripe_eu.psp: is no PSP that we speak to: did you mean stripe?",
    ),
    (
        {'psp = "stripe"': 'psp = "adyen"'},
        "accounts.stripe_eu.psp: is no PSP that we speak to: use one of ogone, stripe",
    ),
    (
        {'psp = "stripe"\n': ""},
        "accounts.stripe_eu.psp: is missing: add it",
    ),
    (
        {'psp = "stripe"': "psp = 1"},
        "accounts.stripe_eu.psp: is no text: write it in quotes",
    ),
    (
        {"retired = true": 'retired = "yes"'},
        (
            "accounts.stripe_old.retired: "
            "is neither true nor false: "
            "write true or false, without quotes"
        ),
    ),
    (
        {"[accounts.stripe_old]": '[accounts."Stripe Old"]'},
        (
            'accounts."Stripe Old": '
            "is no name for an account: "
            "use up to 40 lower-case letters, digits and _, beginning with a letter"
        ),
    ),
    (
        {'"env:STRIPE_KEY"': '"env:UNSET_KEY"'},
        (
            "accounts.stripe_eu.api_key: "
            "the environment variable UNSET_KEY is not set or empty: "
            "export it"
        ),
    ),
    (
        {'"file:old_hook"': '"file:./gone"'},
        (
            "accounts.stripe_eu.webhook_secrets[1]: "
            "the file ./gone cannot be read: "
            "create it, readable by this process, as UTF-8 text"
        ),
    ),
    (
        {'["env:STRIPE_HOOK", "file:old_hook"]': '"env:STRIPE_HOOK"'},
        "accounts.stripe_eu.webhook_secrets: is no list: write it in brackets",
    ),
    (
        {'["env:STRIPE_HOOK", "file:old_hook"]': "[]"},
        "accounts.stripe_eu.webhook_secrets: is empty: name at least one",
    ),
    (
        {'"pk_test_1"': '"whatever"'},
        ("accounts.stripe_eu.publishable_key: write the publishable key (pk_...) of this account"),
    ),
    (
        {'"pk_test_1"': '"pk_test_1"\nread_timeout_s = 99'},
        (
            "accounts.stripe_eu.read_timeout_s: "
            "input should be less than or equal to 80: "
            "correct the value"
        ),
    ),
]

COUNTRIES: Final[Mistakes] = [
    (
        {
            "[countries.HU]": "[countries.UK]",
            "[[countries.HU.methods]]": "[[countries.UK.methods]]",
        },
        "countries.UK: is no ISO 3166-1 alpha-2 country code: write GB",
    ),
    (
        {
            "[countries.HU]": "[countries.hu]",
            "[[countries.HU.methods]]": "[[countries.hu.methods]]",
        },
        "countries.hu: is no ISO 3166-1 alpha-2 country code: write HU",
    ),
    (
        {
            "[countries.HU]": "[countries.Hungary]",
            "[[countries.HU.methods]]": "[[countries.Hungary.methods]]",
        },
        (
            "countries.Hungary: "
            "is no ISO 3166-1 alpha-2 country code: "
            "write two capitals, such as FR"
        ),
    ),
    (
        {"capture_policy": "capture_polcy"},
        ("countries.HU.capture_polcy: is no key of this table: did you mean capture_policy?"),
    ),
    (
        {'"manual"': '"later"'},
        (
            "countries.HU.capture_policy: "
            "is none of the known words: "
            "use 'automatic', 'at_order' or 'manual'"
        ),
    ),
    (
        {'currencies = ["HUF"]\n': ""},
        "countries.HU.currencies: is missing: add it",
    ),
    (
        {'currencies = ["HUF"]': "currencies = []"},
        "countries.HU.currencies: is empty: name at least one",
    ),
    (
        {'["HUF"]': '["HUF", "HFU"]'},
        ("countries.HU.currencies[1]: is no ISO 4217 currency that we know: did you mean HUF?"),
    ),
    (
        {'["HUF"]': '["HUF", "123"]'},
        (
            "countries.HU.currencies[1]: "
            "is no ISO 4217 currency that we know: "
            "use three capitals, such as EUR"
        ),
    ),
    (
        {'["HUF"]': '["HUF", "HUF"]'},
        "countries.HU.currencies[1]: HUF is listed twice: list it once",
    ),
    (
        {'["HUF"]': '["HUF", 7]'},
        "countries.HU.currencies[1]: is no text: write it in quotes",
    ),
    (
        {
            '["HUF"]': '["HUF", "EUR"]',
            "[[countries.HU.methods]]": '[[countries.HU.methods]]\ncurrencies = ["HUF"]',
        },
        (
            "countries.HU.currencies[1]: "
            "no method of the country takes EUR: "
            "add it to a method's currencies, or leave it out here"
        ),
    ),
    (
        {"[countries.HU]": '[countries.IT]\ncurrencies = ["EUR"]\nmethods = []\n\n[countries.HU]'},
        "countries.IT.methods: is empty: name at least one",
    ),
    (
        {"[countries.HU]": '[countries.IT]\ncurrencies = ["EUR"]\nmethods = 3\n\n[countries.HU]'},
        "countries.IT.methods: is no list: write it in brackets",
    ),
    (
        {'currencies = ["HUF"]': "currencies = 3"},
        "countries.HU.currencies: is no list: write it in brackets",
    ),
]

METHODS: Final[Mistakes] = [
    (
        {'account = "stripe_eu"': 'acount = 1\naccount = "stripe_eu"'},
        ("countries.FR.methods[0].acount: is no key of this table: did you mean account?"),
    ),
    (
        {'method = "card"': 'method = "crad"'},
        ("countries.FR.methods[0].method: is none of the known words: use 'card' or 'paypal'"),
    ),
    (
        {'method = "paypal"': 'method = "card"'},
        (
            "countries.FR.methods[1].method: "
            "card stands already in methods[0]: "
            "list each method once"
        ),
    ),
    (
        {'account = "stripe_eu"': 'account = "stripe_ue"'},
        ("countries.FR.methods[0].account: is no account of this file: did you mean stripe_eu?"),
    ),
    (
        {'account = "stripe_eu"': 'account = "ogone"'},
        (
            "countries.FR.methods[0].account: "
            "is no account of this file: "
            "use one of stripe_eu, stripe_old"
        ),
    ),
    (
        {'account = "stripe_eu"': 'account = "stripe_old"'},
        (
            "countries.FR.methods[0].account: "
            "stripe_old is retired and takes no new payments: "
            "name another account, or switch the method off with enabled = false"
        ),
    ),
    (
        {'account = "stripe_eu"\n': ""},
        "countries.FR.methods[0].account: is missing: add it",
    ),
    (
        {'currencies = ["EUR"]': 'currencies = ["EUR", "PLN"]'},
        (
            "countries.FR.methods[1].currencies[1]: "
            "is no currency of the country: "
            "add it to the country's currencies, or leave it out here"
        ),
    ),
    (
        {'currencies = ["EUR"]': 'currencies = ["EUR", "EUR"]'},
        "countries.FR.methods[1].currencies[1]: EUR is listed twice: list it once",
    ),
    (
        {'currencies = ["EUR"]': "currencies = []"},
        "countries.FR.methods[1].currencies: is empty: name at least one",
    ),
    (
        {
            'capture_policy = "manual"\n\n[[countries.HU.methods]]\nmethod = "card"': (
                '[[countries.HU.methods]]\nmethod = "paypal"'
            )
        },
        (
            "countries.HU.methods[0]: "
            "the account's PSP does not take paypal in HUF: "
            "leave paypal out"
        ),
    ),
    (
        {'["EUR", "GBP"]': '["EUR", "RON"]', 'currencies = ["EUR"]\n': ""},
        (
            "countries.FR.methods[1]: "
            "the account's PSP does not take paypal in RON: "
            'write currencies = ["EUR"]'
        ),
    ),
    (
        {
            '["EUR", "GBP"]': '["EUR", "RON"]',
            'currencies = ["EUR"]\n': 'currencies = ["EUR", "RON"]\n',
        },
        (
            "countries.FR.methods[1].currencies: "
            "the account's PSP does not take paypal in RON: "
            'write currencies = ["EUR"]'
        ),
    ),
    (
        {'currencies = ["EUR"]': "enabled = 0"},
        (
            "countries.FR.methods[1].enabled: "
            "is neither true nor false: "
            "write true or false, without quotes"
        ),
    ),
]

LIMITS: Final[Mistakes] = [
    (
        {"limits.EUR": "limits.HUF"},
        ("countries.FR.methods[0].limits.HUF: is no currency of this method: use one of EUR, GBP"),
    ),
    (
        {"min_amount_minor": "min_amount"},
        (
            "countries.FR.methods[0].limits.EUR.min_amount: "
            "is no key of this table: "
            "did you mean min_amount_minor?"
        ),
    ),
    (
        {"min_amount_minor = 100": "min_amount_minor = 1.00"},
        (
            "countries.FR.methods[0].limits.EUR.min_amount_minor: "
            "is no whole number: "
            "write it in minor units, without quotes or decimals"
        ),
    ),
    (
        {"min_amount_minor = 100": "min_amount_minor = 0"},
        (
            "countries.FR.methods[0].limits.EUR.min_amount_minor: "
            "input should be greater than or equal to 1: "
            "correct the value"
        ),
    ),
    (
        {"min_amount_minor = 100": "min_amount_minor = 49"},
        (
            "countries.FR.methods[0].limits.EUR.min_amount_minor: "
            "has no effect: the PSP takes at least 0.50 EUR: "
            "write 50 or more, or leave it out"
        ),
    ),
    (
        {"max_amount_minor = 500_000": "max_amount_minor = 100_000_000"},
        (
            "countries.FR.methods[0].limits.EUR.max_amount_minor: "
            "has no effect: the PSP takes at most 999999.99 EUR: "
            "write 99999999 or less, or leave it out"
        ),
    ),
    (
        {"min_amount_minor = 100": "min_amount_minor = 500_001"},
        (
            "countries.FR.methods[0].limits.EUR.max_amount_minor: "
            "leaves no amount: at least 500001 and at most 500000 minor units: "
            "write a minimum that is not above the maximum"
        ),
    ),
    (
        {"min_amount_minor = 100, max_amount_minor = 500_000": "min_amount_minor = 100_000_000"},
        (
            "countries.FR.methods[0].limits.EUR.min_amount_minor: "
            "leaves no amount: at least 100000000 and at most 99999999 minor units: "
            "write a minimum that is not above the maximum"
        ),
    ),
    (
        {"min_amount_minor = 100, max_amount_minor = 500_000": "max_amount_minor = 20"},
        (
            "countries.FR.methods[0].limits.EUR.max_amount_minor: "
            "leaves no amount: at least 50 and at most 20 minor units: "
            "write a minimum that is not above the maximum"
        ),
    ),
    (
        {"{ min_amount_minor = 100, max_amount_minor = 500_000 }": "100"},
        ("countries.FR.methods[0].limits.EUR: is no table: write it as a table with its own keys"),
    ),
]

_CARD: Final = 'account = "stripe_eu"'


def _canary(table: str) -> dict[str, str]:
    return {_CARD: f"{_CARD}\ncanary = {table}"}


CANARIES: Final[Mistakes] = [
    (
        _canary("5"),
        "countries.FR.methods[0].canary: is no table: write it as a table with its own keys",
    ),
    (
        _canary('{ account = "stripe_two" }'),
        "countries.FR.methods[0].canary.percent: is missing: add it",
    ),
    (
        _canary("{ percent = 5 }"),
        "countries.FR.methods[0].canary.account: is missing: add it",
    ),
    (
        _canary('{ account = "stripe_two", percent = 5, precent = 5 }'),
        "countries.FR.methods[0].canary.precent: is no key of this table: did you mean percent?",
    ),
    *(
        (
            _canary(f'{{ account = "stripe_two", percent = {percent} }}'),
            f"countries.FR.methods[0].canary.percent: {problem}",
        )
        for percent, problem in (
            ("101", "is no part of the shoppers: write 0 to 100"),
            ("100.01", "is no part of the shoppers: write 0 to 100"),
            ("-1", "is no part of the shoppers: write 0 to 100"),
            ("nan", "is no part of the shoppers: write 0 to 100"),
            ("inf", "is no part of the shoppers: write 0 to 100"),
            ("12.345", "is too fine: write at most two decimals"),
            ("1e-3", "is too fine: write at most two decimals"),
            ('"30"', "is no number: write 0 to 100, without quotes"),
            ("true", "is no number: write 0 to 100, without quotes"),
        )
    ),
    (
        _canary('{ account = "stripe_tow", percent = 5 }'),
        (
            "countries.FR.methods[0].canary.account: is no account of this file: "
            "did you mean stripe_two?"
        ),
    ),
    (
        _canary('{ account = "stripe_eu", percent = 5 }'),
        (
            "countries.FR.methods[0].canary.account: stripe_eu serves the method already: "
            "name another account, or leave the canary out"
        ),
    ),
    (
        _canary('{ account = "stripe_old", percent = 0 }'),
        (
            "countries.FR.methods[0].canary.account: "
            "stripe_old is retired and takes no new payments: "
            "name another account, or leave the canary out"
        ),
    ),
]
"""Changes of `files.WITH_TWO`."""

_CALLERS: Final = "[countries.FR]"
_CHECKOUT: Final = '[callers."spiffe://shop.example/checkout"]'
_PLACE: Final = 'callers."spiffe://shop.example/checkout"'

CALLERS: Final[Mistakes] = [
    ({_CALLERS: f"{_CHECKOUT}\n{_CALLERS}"}, f"{_PLACE}.methods: is missing: add it"),
    (
        {_CALLERS: f"{_CHECKOUT}\nmethods = []\n{_CALLERS}"},
        f"{_PLACE}.methods: is empty: name at least one",
    ),
    (
        {_CALLERS: f'{_CHECKOUT}\nmethods = ["paygate.v1.*"]\nmethod = 1\n{_CALLERS}'},
        f"{_PLACE}.method: is no key of this table: did you mean methods?",
    ),
    (
        {_CALLERS: f'{_CHECKOUT}\nmethods = ["paygate.v1.PaymentService/GetPayments"]\n{_CALLERS}'},
        (
            f"{_PLACE}.methods[0]: names no method: "
            "did you mean paygate.v1.PaymentService/GetPayment?"
        ),
    ),
    (
        {_CALLERS: f'{_CHECKOUT}\nmethods = ["paygate.v1.*", "PaymentService"]\n{_CALLERS}'},
        f"{_PLACE}.methods[1]: names no method: did you mean paygate.v1.PaymentService?",
    ),
    (
        {_CALLERS: f'{_CHECKOUT}\nmethods = ["*"]\n{_CALLERS}'},
        (
            f"{_PLACE}.methods[0]: names no method: "
            "write a star after the beginning of a service's or method's full name"
        ),
    ),
    (
        {_CALLERS: f'[callers."spiffe://shop.example/"]\nmethods = ["paygate.v1.*"]\n{_CALLERS}'},
        (
            'callers."spiffe://shop.example/": is no name of a caller: '
            "write what its certificate says, such as spiffe://shop.example/checkout"
        ),
    ),
]
