"""The routing rules: what each can find, and that a decision and its explanation agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import route_findings
from gateway.domain.countries import COUNTRY_CODES
from gateway.domain.route_findings import Finding
from gateway.domain.route_rules import explain, methods_for, route
from gateway.domain.routing import CountryPolicy, MethodRoute, RouteQuery, RouteRefusal
from psp.methods import Presentation
from psp.money import Money
from psp.port import CapturePolicy
from tests.unit.routing.tables import ACCOUNTS, CARD, COUNTRIES, PAYPAL, TABLE

_EUR = Money(1999, "EUR")
_GBP = Money(1999, "GBP")

_QUERIES = st.builds(
    RouteQuery,
    country_code=st.sampled_from([*COUNTRIES, "XX", ""]),
    method=st.sampled_from([CARD, PAYPAL]),
    amount=st.none()
    | st.builds(Money, st.integers(0, 600_000), st.sampled_from(["EUR", "GBP", "JPY"])),
    customer_id=st.sampled_from(["", "C-1", "C-2"]),
    order_id=st.sampled_from(["", "O-1", "O-2"]),
    alias_account=st.sampled_from(["", *ACCOUNTS, "gone"]),
)

_FOUND = {
    "COUNTRY_SERVED": (
        RouteQuery("FR", CARD),
        "FR is served, with capture policy at_order",
    ),
    "COUNTRY_NOT_SERVED": (
        RouteQuery("US", CARD),
        "US is not served; served are BE, DE, FR, IT, PT",
    ),
    "NO_AMOUNT": (
        RouteQuery("FR", CARD),
        "no amount was given, so currency and limits were not looked at; FR sells in EUR, GBP",
    ),
    "CURRENCY_SOLD": (RouteQuery("FR", CARD, _GBP), "FR sells in GBP"),
    "CURRENCY_NOT_SOLD": (
        RouteQuery("DE", PAYPAL, _GBP),
        "DE does not sell in GBP; it sells in EUR",
    ),
    "METHOD_OFFERED": (RouteQuery("FR", PAYPAL), "FR offers paypal"),
    "METHOD_NOT_OFFERED": (
        RouteQuery("IT", PAYPAL),
        "IT does not offer paypal; it offers card",
    ),
    "METHOD_SWITCHED_OFF": (
        RouteQuery("DE", CARD),
        "card is switched off in DE (enabled = false); it offers paypal",
    ),
    "METHOD_TAKES_CURRENCY": (RouteQuery("FR", CARD, _GBP), "FR offers card in GBP"),
    "METHOD_LACKS_CURRENCY": (
        RouteQuery("FR", PAYPAL, _GBP),
        "FR does not offer paypal in GBP; it offers it in EUR",
    ),
    "WITHIN_LIMITS": (
        RouteQuery("FR", CARD, _GBP),
        "19.99 GBP is at least 0.30 GBP and at most any amount",
    ),
    "BELOW_MINIMUM": (
        RouteQuery("FR", CARD, Money(99, "EUR")),
        "0.99 EUR is below the least that card takes, 1.00 EUR",
    ),
    "ABOVE_MAXIMUM": (
        RouteQuery("FR", CARD, Money(500_001, "EUR")),
        "5000.01 EUR is above the most that card takes, 5000.00 EUR",
    ),
    "NO_ALIAS": (RouteQuery("FR", CARD), "no alias is charged, so the country decides"),
    "ALIAS_DECIDES": (
        RouteQuery("FR", CARD, alias_account="cards"),
        "the alias is kept by cards, which alone can charge it",
    ),
    "NO_CANARY": (RouteQuery("FR", CARD), "no canary is set for card in FR"),
    "CANARY_OFF": (
        RouteQuery("BE", CARD, customer_id="C-2"),
        "the canary cards is switched off (percent = 0), so eu serves everybody",
    ),
    "CANARY_NEEDS_SHOPPER": (
        RouteQuery("PT", CARD),
        (
            "neither customer nor order was given, so eu serves; "
            "the canary cards serves 30 % of the shoppers"
        ),
    ),
    "CANARY_SERVES": (
        RouteQuery("PT", CARD, customer_id="C-2", order_id="O-1"),
        (
            "customer C-2 is in bucket 2904; "
            "the canary cards serves those below 3000 (30 %), so it serves"
        ),
    ),
    "CANARY_PASSES": (
        RouteQuery("PT", CARD, order_id="O-1"),
        (
            "order O-1 is in bucket 5972; "
            "the canary cards serves those below 3000 (30 %), so eu serves"
        ),
    ),
    "ALIAS_ACCOUNT_UNKNOWN": (
        RouteQuery("FR", CARD, alias_account="gone"),
        "the alias is kept by gone, an account that is not configured",
    ),
    "ALIAS_LACKS_METHOD": (
        RouteQuery("FR", PAYPAL, alias_account="cards"),
        "the alias is kept by cards, whose PSP does not take paypal",
    ),
    "ALIAS_LACKS_CURRENCY": (
        RouteQuery("FR", PAYPAL, _GBP, alias_account="eu"),
        "the alias is kept by eu, whose PSP does not take paypal in GBP",
    ),
    "COUNTRY_DECIDES": (
        RouteQuery("FR", CARD),
        "FR sends card to eu (stripe)",
    ),
    "ACCOUNT_OPEN": (RouteQuery("FR", CARD), "eu takes new payments"),
    "ACCOUNT_RETIRED": (
        RouteQuery("IT", CARD),
        "old is retired: it takes no new payments and only sees its old ones through",
    ),
}
"""Every finding, a question that leads to it, and the sentence it is told in."""


def _finding(name: str) -> Finding:
    finding = getattr(route_findings, name)
    assert isinstance(finding, Finding)
    return finding


def test_every_finding_has_a_case() -> None:
    """Nothing can be found that no test here has seen."""
    named = {name for name, value in vars(route_findings).items() if isinstance(value, Finding)}

    assert named == set(_FOUND)


@pytest.mark.parametrize("name", _FOUND)
def test_a_rule_finds_and_says_why(name: str) -> None:
    """Each finding is one step with its rule, its verdict and its sentence."""
    query, sentence = _FOUND[name]
    finding = _finding(name)

    steps = [step for step in explain(TABLE, query).steps if step.explanation == sentence]

    assert [(finding.rule, finding.refusal is None, finding.refusal)] == [
        (step.rule, step.passed, step.refusal) for step in steps
    ]


@pytest.mark.parametrize("name", [name for name in _FOUND if _finding(name).refusal])
def test_a_refusal_leaves_no_account(name: str) -> None:
    """One rule that refuses is enough, and the decision names its refusal."""
    decision = route(TABLE, _FOUND[name][0])

    assert decision.account is None
    assert _finding(name).refusal in decision.refusals


@pytest.mark.parametrize(
    "query,account",
    [
        (RouteQuery("FR", CARD), "eu"),
        (RouteQuery("FR", CARD, _EUR), "eu"),
        (RouteQuery("FR", CARD, Money(100, "EUR")), "eu"),
        (RouteQuery("FR", CARD, Money(500_000, "EUR")), "eu"),
        (RouteQuery("FR", CARD, Money(900_000_000, "GBP")), "eu"),
        (RouteQuery("FR", CARD, _EUR, alias_account="cards"), "cards"),
        (RouteQuery("DE", PAYPAL, _EUR, customer_id="C-1", order_id="O-1"), "eu"),
    ],
)
def test_a_payment_goes_to_its_account(query: RouteQuery, account: str) -> None:
    """The country's account serves a method, unless an alias decides; both limits are included."""
    assert account == route(TABLE, query).account


def test_every_reason_is_named_at_once() -> None:
    """A caller learns everything that is wrong from one answer."""
    decision = route(TABLE, RouteQuery("DE", CARD, Money(1, "GBP"), alias_account="old"))

    assert decision.refusals == (RouteRefusal.CURRENCY_NOT_SOLD, RouteRefusal.METHOD_NOT_OFFERED)


def test_a_retired_account_charges_no_alias() -> None:
    """A new payment by alias is a new payment."""
    decision = route(TABLE, RouteQuery("FR", CARD, alias_account="old"))

    assert decision.refusals == (RouteRefusal.ACCOUNT_RETIRED,)


@given(_QUERIES)
def test_a_decision_and_its_explanation_agree(query: RouteQuery) -> None:
    """`explain` says what `route` does, whatever is asked."""
    decision, explained = route(TABLE, query), explain(TABLE, query)

    assert decision == replace(explained, steps=())
    assert decision.refusals == tuple(step.refusal for step in explained.refused_steps)
    assert (decision.account is None) == bool(decision.refusals)


@given(_QUERIES)
def test_a_step_passes_unless_it_refuses(query: RouteQuery) -> None:
    """Each step is one rule's sentence, and rules come once each, in one order."""
    steps = explain(TABLE, query).steps

    assert all(step.passed == (step.refusal is None) and step.explanation for step in steps)
    assert len({step.rule for step in steps}) == len(steps)
    assert steps[0].rule == "country_served"


@given(_QUERIES)
def test_what_is_offered_is_what_would_be_routed(query: RouteQuery) -> None:
    """A method is offered if and only if a payment by it has a route, and to the same account."""
    offers = methods_for(
        TABLE,
        query.country_code,
        query.amount,
        customer_id=query.customer_id,
        order_id=query.order_id,
    )
    routed = {
        method: route(TABLE, replace(query, method=method, alias_account="")).account
        for method in (CARD, PAYPAL)
    }

    assert {method: name for method, name in routed.items() if name} == {
        offer.method: offer.account.name for offer in offers.methods
    }


def test_methods_are_offered_in_the_countrys_order() -> None:
    """An offer carries what a page needs: presentation, key, limits in the asked currency."""
    offers = methods_for(TABLE, "FR", _EUR)

    assert offers.capture_policy == CapturePolicy.AT_ORDER
    assert [(offer.method, offer.presentation) for offer in offers.methods] == [
        (CARD, Presentation.EMBEDDED),
        (PAYPAL, Presentation.REDIRECT),
    ]
    assert [COUNTRIES["FR"].methods[0].limits["EUR"]] * 2 == [
        each.limits for each in offers.methods
    ]
    assert offers.methods[0].account.public_key == "pk_test_1"
    assert not offers.refused_steps


def test_without_an_amount_there_are_no_limits() -> None:
    """Limits are told in the currency that was asked for, or not at all."""
    assert [offer.limits for offer in methods_for(TABLE, "FR").methods] == [None, None]


@pytest.mark.parametrize(
    "country_code,amount,policy,refusals",
    [
        ("US", _EUR, None, [RouteRefusal.COUNTRY_NOT_SERVED]),
        ("DE", _GBP, CapturePolicy.AUTOMATIC, [RouteRefusal.CURRENCY_NOT_SOLD]),
        ("IT", _EUR, CapturePolicy.MANUAL, []),
    ],
)
def test_an_empty_offer_says_why(
    country_code: str,
    amount: Money,
    policy: CapturePolicy | None,
    refusals: list[RouteRefusal],
) -> None:
    """A sale that is refused to everybody is told from one that only finds no method."""
    offers = methods_for(TABLE, country_code, amount)

    assert offers.methods == ()
    assert policy is offers.capture_policy
    assert refusals == [step.refusal for step in offers.refused_steps]


def test_a_long_list_of_countries_is_cut() -> None:
    """An explanation stays one sentence, however many countries are served."""
    served = sorted(COUNTRY_CODES)[:15]
    table = replace(TABLE, countries=dict.fromkeys(served, COUNTRIES["FR"]))

    (step,) = explain(table, RouteQuery("FR", CARD)).steps

    assert f"FR is not served; served are {', '.join(served[:12])} and 3 more" == step.explanation


def test_a_policy_lists_a_method_once() -> None:
    """Two routes for one method would make the decision a matter of chance."""
    twice = MethodRoute(CARD, "eu", {})

    with pytest.raises(ValueError, match="FR lists a method twice"):
        CountryPolicy("FR", ("EUR",), CapturePolicy.MANUAL, (twice, twice))


def test_all_assigned_country_codes_are_known() -> None:
    """ISO 3166-1 has 249 alpha-2 codes, each of two capitals."""
    assert len(COUNTRY_CODES) == 249
    assert all(len(code) == 2 and code.isupper() for code in COUNTRY_CODES)
