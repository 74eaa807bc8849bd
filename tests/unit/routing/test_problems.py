"""What a configuration file is refused for: every problem at once, none with a secret in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.routing.configuration import load_configuration
from gateway.routing.problems import ConfigurationError, place_text, suggestion
from psp.methods import MethodTraits, Presentation
from psp.port import Capability, PaymentMethod
from psp.registry import PSP_KINDS
from tests.unit.routing.files import (
    VALID,
    WITH_TWO,
    problems_of,
    set_secrets,
    spoiled,
)
from tests.unit.routing.mistakes import (
    ACCOUNTS,
    CALLERS,
    CANARIES,
    COUNTRIES,
    FILE,
    LIMITS,
    METHODS,
)

_STRIPE = PSP_KINDS["stripe"]


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_secrets(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "changes,problem",
    [
        pytest.param(changes, problem, id=problem)
        for table in (FILE, ACCOUNTS, COUNTRIES, METHODS, LIMITS, CALLERS)
        for changes, problem in table
    ],
)
def test_one_mistake_is_one_line(tmp_path: Path, changes: dict[str, str], problem: str) -> None:
    """A problem is told once, with its place, what is wrong and what to do."""
    assert problems_of(tmp_path, spoiled(*changes.items())) == [problem]


@pytest.mark.parametrize(
    "changes,problem", [pytest.param(*each, id=f"{each[1]}-{each[0]}") for each in CANARIES]
)
def test_one_mistake_of_a_canary_is_one_line(
    tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    """As any other; nothing about a canary is assumed."""
    assert problems_of(tmp_path, spoiled(*changes.items(), text=WITH_TWO)) == [problem]


def test_all_problems_come_in_one_report(tmp_path: Path) -> None:
    """Mistakes in every part of the file, also two in one table, are mended in one go."""
    text = spoiled(
        ('publishable_key = "pk_test_1"', 'publishable_kye = "pk_test_1"'),
        ("retired = true", "retired = 1"),
        ('["EUR", "GBP"]', '["EUR", "GPB"]'),
        ('account = "stripe_eu"', 'acount = "x"\naccount = "stripe_ue"'),
        ('"manual"', '"later"'),
        ('["HUF"]', '["HUF", "HUF"]'),
    )

    places = [problem.split(": ")[0] for problem in problems_of(tmp_path, text)]

    assert places == [
        "accounts.stripe_eu.publishable_key",
        "accounts.stripe_eu.publishable_kye",
        "accounts.stripe_old.retired",
        "countries.FR.currencies[1]",
        "countries.FR.methods[0].acount",
        "countries.FR.methods[0].account",
        "countries.HU.capture_policy",
        "countries.HU.currencies[1]",
    ]


@pytest.mark.parametrize(
    "text,problems",
    [
        ("", ["accounts: is missing: add it", "countries: is missing: add it"]),
        (
            "accounts = 1\ncountries = []",
            [
                "accounts: is no table: write it as a table with its own keys",
                "countries: is no table: write it as a table with its own keys",
            ],
        ),
        (
            "[accounts]\n[countries]",
            ["accounts: is empty: name at least one", "countries: is empty: name at least one"],
        ),
        (
            VALID.replace("[accounts.", "[account."),
            [
                "accounts: is missing: add it",
                "account: is no key of this table: did you mean accounts?",
            ],
        ),
    ],
)
def test_a_file_without_its_tables_is_refused(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    """What follows from a missing table is not reported beside it."""
    assert problems_of(tmp_path, text) == problems


@pytest.mark.parametrize(
    "missing,policy,cure",
    [
        (
            Capability.CAPTURE,
            "at_order",
            'set the country\'s capture_policy to "automatic", or name an account at another PSP',
        ),
        (
            Capability.CAPTURE,
            "manual",
            'set the country\'s capture_policy to "automatic", or name an account at another PSP',
        ),
        (Capability.CREATE_PAYMENT, "automatic", "name an account at another PSP"),
    ],
)
def test_a_capture_policy_must_be_possible(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: Capability,
    policy: str,
    cure: str,
) -> None:
    """A PSP that cannot capture later serves only countries where it captures by itself."""
    kind = replace(_STRIPE, capabilities=_STRIPE.capabilities - {missing})
    monkeypatch.setattr("gateway.routing.accounts.PSP_KINDS", {"stripe": kind})
    text = spoiled(('"manual"', f'"{policy}"'), ("[countries.FR]", "[countries.FR]\nx = 1"))

    (problem,) = [each for each in problems_of(tmp_path, text) if "countries.HU" in each]

    assert problem == (
        "countries.HU.methods[0].account: "
        f'stripe cannot do what capture_policy = "{policy}" needs: {cure}'
    )


def test_a_psp_must_take_the_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that the account's PSP does not do is named with those that it does."""
    traits = {PaymentMethod.CARD: MethodTraits(Presentation.EMBEDDED)}
    kind = replace(_STRIPE, methods=traits)
    monkeypatch.setattr("gateway.routing.accounts.PSP_KINDS", {"stripe": kind})

    assert problems_of(tmp_path, VALID) == [
        (
            "countries.FR.methods[1].method: stripe does not take paypal: "
            "use what it takes (card), or name an account at another PSP"
        )
    ]


def _secret_in_place_of(value: str) -> str:
    return spoiled((value, '"sk_live_topsecret"'))


@pytest.mark.parametrize(
    "text",
    [
        *(
            _secret_in_place_of(value)
            for value in (
                '"stripe"',
                '"env:STRIPE_KEY"',
                '"pk_test_1"',
                '"env:STRIPE_HOOK"',
                '"file:old_hook"',
                '["env:STRIPE_HOOK", "file:old_hook"]',
                "true",
                '["EUR", "GBP"]',
                '"EUR"',
                '"card"',
                '"stripe_eu"',
                '"manual"',
                "100",
                "{ min_amount_minor = 100, max_amount_minor = 500_000 }",
            )
        ),
        spoiled(('"env:STRIPE_KEY"', "sk_live_topsecret")),
        spoiled(('"env:STRIPE_KEY"', '"sk_live_topsecret')),
        spoiled(('"env:STRIPE_KEY"', '"env:sk_live_topsecret"')),
        spoiled(('"env:STRIPE_KEY"', '"file:sk_live_topsecret"')),
        spoiled(('"env:STRIPE_KEY"', '"env:STRIPE_HOOK"')),
        spoiled(("[accounts.stripe_eu]", '[accounts.stripe_eu]\napi_base = "https://topsecret@x"')),
    ],
)
def test_no_secret_is_ever_told(tmp_path: Path, text: str) -> None:
    """A secret that stands in the wrong place, or is no key of its kind, does not show."""
    assert not [problem for problem in problems_of(tmp_path, text) if "topsecret" in problem]


def test_the_error_names_the_file(tmp_path: Path) -> None:
    """The file is named as the caller named it."""
    path = tmp_path / "other.toml"
    path.write_text("x = 1", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"other\.toml: x: is no key"):
        load_configuration(path)


def test_places_are_written_as_in_the_file() -> None:
    """A key that TOML would quote is quoted."""
    assert place_text(("countries", "FR", "methods", 1, "a b")) == 'countries.FR.methods[1]."a b"'
    assert place_text(()) == ""


@pytest.mark.parametrize(
    "known,cure",
    [
        (["card", "paypal"], "did you mean card?"),
        (["xyz", "abc"], "use one of abc, xyz"),
        ([], "define it first"),
    ],
)
def test_a_suggestion_helps(known: list[str], cure: str) -> None:
    """The nearest known word, else all of them, else what to do without any."""
    assert suggestion("crad", known) == cure
