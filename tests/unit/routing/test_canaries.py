"""Canaries of a configuration file: what is read, and what their PSPs must be able to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.api.routing_messages import policy_message
from gateway.domain.routing import AmountLimits, Canary, MethodRoute
from gateway.routing.configuration import load_configuration
from paygate.v1 import routing_service_pb2 as pb
from psp.methods import MethodTraits, Presentation
from psp.port import Capability, PaymentMethod
from psp.registry import PSP_KINDS
from tests.unit.routing.files import WITH_TWO, problems_of, set_secrets, spoiled, with_canary

_OTHER_PSP = 'psp = "other"\napi_key = "env:STRIPE_KEY"\npublishable_key = "pk_test_3"'
_STRIPE = PSP_KINDS["stripe"]


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_secrets(tmp_path, monkeypatch)


def _card(folder: Path, text: str) -> MethodRoute:
    path = folder / "paygate.toml"
    path.write_text(text, encoding="utf-8")
    return load_configuration(path).table.countries["FR"].methods[0]


def _other_psp(
    monkeypatch: pytest.MonkeyPatch,
    methods: dict[PaymentMethod, MethodTraits],
    capabilities: frozenset[Capability] = _STRIPE.capabilities,
) -> str:
    """Make a second PSP that the canary's account is at; a file with that canary."""

    class OtherConfig(_STRIPE.config_class):  # type: ignore[misc, name-defined]  # a class that a table names
        psp: str

    other = replace(
        _STRIPE,
        name="other",
        config_class=OtherConfig,
        methods=methods,
        capabilities=capabilities,
    )
    monkeypatch.setattr("gateway.routing.accounts.PSP_KINDS", {"stripe": _STRIPE, "other": other})
    old = 'psp = "stripe"\napi_key = "env:STRIPE_KEY"\npublishable_key = "pk_test_3"'
    return spoiled((old, _OTHER_PSP), text=with_canary("30"))


@pytest.mark.parametrize(
    "percent,basis_points",
    [
        ("0", 0),
        ("0.01", 1),
        ("12.35", 1_235),
        ("1e1", 1_000),
        ("29.99", 2_999),
        ("30", 3_000),
        ("100.0", 10_000),
    ],
)
def test_a_percentage_is_read_exactly(tmp_path: Path, percent: str, basis_points: int) -> None:
    """Two decimals at most, none of them lost to floating point."""
    limits = {"EUR": AmountLimits(100, 500_000), "GBP": AmountLimits(30, 99_999_999)}

    assert _card(tmp_path, with_canary(percent)).canary == Canary(
        "stripe_two", basis_points, limits
    )


def test_a_canary_may_be_a_table_of_its_own(tmp_path: Path) -> None:
    """As TOML has two ways to write it."""
    limits = "limits.EUR = { min_amount_minor = 100, max_amount_minor = 500_000 }"
    table = '[countries.FR.methods.canary]\naccount = "stripe_two"\npercent = 30'
    text = spoiled((limits, f"{limits}\n\n{table}"), text=WITH_TWO)

    assert _card(tmp_path, text) == _card(tmp_path, with_canary("30"))


def test_a_file_without_canaries_has_none(tmp_path: Path) -> None:
    """Every shopper goes to the account."""
    assert _card(tmp_path, WITH_TWO).canary is None


def test_a_canary_takes_what_both_psps_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method's limits hold for the canary's shoppers too, and its own PSP's inside them."""
    traits = MethodTraits(
        Presentation.REDIRECT,
        min_amount_minor={"EUR": 200, "GBP": 1},
        max_amount_minor={"EUR": 900_000, "GBP": 7_000},
    )
    route = _card(tmp_path, _other_psp(monkeypatch, {PaymentMethod.CARD: traits}))

    assert route.limits["EUR"] == AmountLimits(100, 500_000)
    assert route.canary is not None
    assert route.canary.limits == {
        "EUR": AmountLimits(200, 500_000),
        "GBP": AmountLimits(30, 7_000),
    }


@pytest.mark.parametrize(
    "traits,problem",
    [
        (
            None,
            "other does not take card: leave the canary out, or name an account at another PSP",
        ),
        (
            MethodTraits(Presentation.EMBEDDED, currencies=frozenset({"EUR"})),
            (
                "the account's PSP does not take card in GBP: "
                'write currencies = ["EUR"] for the method, or leave the canary out'
            ),
        ),
        (
            MethodTraits(Presentation.EMBEDDED, currencies=frozenset({"SEK"})),
            "the account's PSP does not take card in EUR, GBP: leave the canary out",
        ),
        (
            MethodTraits(Presentation.EMBEDDED, min_amount_minor={"EUR": 500_001}),
            (
                "leaves no amount that both PSPs take: "
                "at least 5000.01 EUR and at most 5000.00 EUR: "
                "widen limits.EUR, or leave the canary out"
            ),
        ),
    ],
)
def test_a_canarys_psp_must_take_the_method(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    traits: MethodTraits | None,
    problem: str,
) -> None:
    """In every currency of the method, and at least some amounts."""
    methods = {PaymentMethod.PAYPAL: MethodTraits(Presentation.REDIRECT)}
    if traits is not None:
        methods[PaymentMethod.CARD] = traits
    text = _other_psp(monkeypatch, methods)

    assert problems_of(tmp_path, text) == [f"countries.FR.methods[0].canary.account: {problem}"]


def test_a_canarys_psp_must_do_the_capture_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The money of all shoppers is captured alike."""
    text = _other_psp(
        monkeypatch,
        {PaymentMethod.CARD: MethodTraits(Presentation.EMBEDDED)},
        _STRIPE.capabilities - {Capability.CAPTURE},
    )

    assert problems_of(tmp_path, text) == [
        (
            "countries.FR.methods[0].canary.account: "
            'other cannot do what capture_policy = "at_order" needs: '
            'set the country\'s capture_policy to "automatic", '
            "or name an account at another PSP"
        )
    ]


def test_mistakes_of_method_and_canary_come_together(tmp_path: Path) -> None:
    """A method that cannot be read does not hide its canary's mistakes."""
    text = spoiled(('account = "stripe_eu"', 'account = "gone"'), text=with_canary("101"))

    assert [problem.split(": ")[0] for problem in problems_of(tmp_path, text)] == [
        "countries.FR.methods[0].account",
        "countries.FR.methods[0].canary.percent",
    ]


def test_the_part_is_in_the_digest(tmp_path: Path) -> None:
    """A payment tells under which percentage it was routed."""
    path = tmp_path / "paygate.toml"
    digests = set()
    for percent in ("0", "30", "50"):
        path.write_text(with_canary(percent), encoding="utf-8")
        digests.add(load_configuration(path).table.digest)

    assert len(digests) == 3


def test_callers_read_the_canary(tmp_path: Path) -> None:
    """Its account, its PSP and its part; a method without one has none."""
    path = tmp_path / "paygate.toml"
    path.write_text(with_canary("12.5"), encoding="utf-8")
    table = load_configuration(path).table

    card, paypal = policy_message(table.countries["FR"], table).methods

    assert card.canary == pb.Canary(psp_account="stripe_two", psp="stripe", percent=12.5)
    assert not paypal.HasField("canary")
