"""`paygate routes explain`."""

from __future__ import annotations

import json

import pytest

from gateway.settings import SANDBOX_CONFIG_FILE
from tests.integration.cli.conftest import Ran, Run

_EXPLAIN = ("routes", "explain", "--config", str(SANDBOX_CONFIG_FILE))
_EURO = ("--currency", "eur")


def test_a_route_is_explained(run: Run) -> None:
    """Every rule is a line, and the last names the account."""
    ran = run(*_EXPLAIN, "--country", "fr", "--method", "card", "--amount", "1999", *_EURO)

    assert (ran.exit_code, ran.errors) == (0, [])
    lines = ran.out.splitlines()
    assert "country_served\tpassed\tFR is served, with capture policy at_order" in lines
    assert lines[-1].startswith("FR card: stripe_eu (stripe), by configuration ")


def test_a_refusal_is_exit_code_1(run: Run) -> None:
    """No route is an answer, not an error."""
    ran = run(*_EXPLAIN, "--country", "US", "--method", "paypal")

    assert (ran.exit_code, ran.errors) == (1, [])
    assert ran.out.splitlines() == [
        "country_served\trefused\tUS is not served; served are BE, DE, ES, FR, PL, PT",
        "US paypal: no route (country_not_served)",
    ]


def test_a_route_in_json(run: Run) -> None:
    """A program reads the account, the refusals and the rules."""
    ran = run(
        *_EXPLAIN, "--country", "FR", "--method", "card", "--customer", "C-1", "--order", "O-1",
        "--json",
    )  # fmt: skip
    document = json.loads(ran.out)

    assert ran.exit_code == 0
    assert document["psp_account"] == "stripe_eu"
    assert document["refusals"] == []
    assert {
        "rule": "account_open",
        "passed": True,
        "explanation": "stripe_eu takes new payments",
    } in document["steps"]
    assert len(document["config_digest"]) == 16


def test_a_refusal_in_json(run: Run) -> None:
    """Every reason is named."""
    ran = run(
        *_EXPLAIN, "--country", "ES", "--method", "paypal", "--amount", "1", "--currency", "PLN",
        "--json",
    )  # fmt: skip
    document = json.loads(ran.out)

    assert ran.exit_code == 1
    assert document["psp_account"] is None
    assert document["refusals"] == ["currency_not_sold", "method_not_offered"]


@pytest.mark.parametrize(
    "options,problem",
    [
        (("--country", "FR"), "Missing option '--method'. Choose from: card, paypal"),
        (("--method", "card"), "Missing option '--country'"),
        (
            ("--country", "FR", "--method", "cash"),
            "Invalid value for '--method': 'cash' is not one of 'card', 'paypal'",
        ),
        (
            ("--country", "FR", "--method", "card", "--amount", "12.50", "--currency", "EUR"),
            (
                "Invalid value for '--amount': Input should be a valid integer, "
                "unable to parse string as an integer"
            ),
        ),
        (
            ("--country", "FR", "--method", "card", "--amount", "1"),
            "Invalid value: --amount and --currency go together: give both or neither",
        ),
        (
            ("--country", "FR", "--method", "card", "--currency", "EUR"),
            "Invalid value: --amount and --currency go together: give both or neither",
        ),
        (
            ("--country", "FR", "--method", "card", "--amount", "-1", "--currency", "EUR"),
            "Invalid value: amount -1 is outside 0..999999999999 minor units",
        ),
        (
            ("--country", "FR", "--method", "card", "--amount", "1", "--currency", "XXX"),
            "Invalid value: unknown currency 'XXX': use an ISO 4217 code such as EUR",
        ),
        (
            ("--country", "FR", "--method", "card", "extra"),
            "Got unexpected extra argument(s) (extra)",
        ),
    ],
)
def test_wrong_usage_is_one_line(run: Run, options: tuple[str, ...], problem: str) -> None:
    """What is wrong, and where help is: exit code 2, nothing on standard output."""
    ran = run(*_EXPLAIN, *options)

    _expect_usage_line(ran, problem)


def test_wrong_usage_in_json(run: Run) -> None:
    """A program that asks for JSON gets JSON."""
    ran = run(*_EXPLAIN, "--country", "FR", "--json")

    assert ran.exit_code == 2
    assert json.loads(ran.out) == {"errors": ran.errors}


def _expect_usage_line(ran: Ran, problem: str) -> None:
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.errors == [f"paygate routes explain: {problem}: see paygate routes explain --help"]
