"""Parsing what the other services are asked."""

from __future__ import annotations

from gateway.api import customer_service, order_service, proposal_service, routing_service
from gateway.customers.commands import EnsureCustomerCommand
from gateway.domain.requests import RequestKey
from gateway.domain.routing import RouteQuery
from gateway.proposals.proposal import ProposalQuery
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as payment_pb
from paygate.v1 import proposal_service_pb2 as proposal_pb
from paygate.v1 import routing_service_pb2 as routing_pb
from paygate.v1.money_pb2 import Money as MoneyMessage
from psp.money import Money
from psp.port import CustomerProfile, PaymentMethod
from tests.unit.api.requests import CARD_NUMBER, REQUEST_ID, call, ensure_request, refused_fields

_ENSURE = call("EnsureCustomer")
_EUR = MoneyMessage(amount_minor=1999, currency_code="EUR")


def test_a_shopper_becomes_a_command() -> None:
    """Every field of her record arrives."""
    assert customer_service.read_ensure(ensure_request(), _ENSURE) == EnsureCustomerCommand(
        key=RequestKey("checkout", "EnsureCustomer", REQUEST_ID),
        profile=CustomerProfile(
            customer_id="shopper-1",
            email="ada@example.com",
            name="Ada Lovelace",
            phone="+33612345678",
            country_code="FR",
            preferred_locale="fr-FR",
        ),
    )


def test_a_record_may_be_empty_but_not_missing() -> None:
    """An empty field is empty at the PSP too; a forgotten record would empty it all."""
    request = ensure_request(email="", name="", phone="", preferred_locale="")
    command = customer_service.read_ensure(request, _ENSURE)
    assert command.profile == CustomerProfile("shopper-1", country_code="FR")

    request.ClearField("profile")
    refused = refused_fields(lambda: customer_service.read_ensure(request, _ENSURE))
    assert list(refused) == ["profile"]


def test_a_shopper_wrong_in_everything_names_every_field() -> None:
    """Fields of the record have their paths."""
    request = ensure_request(
        email="ada", name=f"Ada {CARD_NUMBER}", phone="\n", preferred_locale="?"
    )
    request.request_id, request.customer_id, request.country_code = "", "", ""
    assert set(refused_fields(lambda: customer_service.read_ensure(request, _ENSURE))) == {
        "request_id",
        "customer_id",
        "country_code",
        "profile.email",
        "profile.name",
        "profile.phone",
        "profile.preferred_locale",
    }


def test_an_empty_ensure_names_every_missing_field() -> None:
    """The record itself among them."""
    empty = customer_pb.EnsureCustomerRequest()
    assert set(refused_fields(lambda: customer_service.read_ensure(empty, _ENSURE))) == {
        "request_id",
        "customer_id",
        "country_code",
        "profile",
    }


def test_a_proposal_is_asked_for_a_sale() -> None:
    """Shopper and order are optional, country and amount are not."""
    request = proposal_pb.GetPaymentProposalRequest(
        country_code="FR", customer_id="shopper-1", amount=_EUR, order_id="order-1"
    )
    assert proposal_service.read_query(request) == ProposalQuery(
        "FR", Money(1999, "EUR"), "shopper-1", "order-1"
    )
    wrong = proposal_pb.GetPaymentProposalRequest(customer_id="a b", order_id="a b")
    assert set(refused_fields(lambda: proposal_service.read_query(wrong))) == {
        "country_code",
        "customer_id",
        "amount.amount_minor",
        "amount.currency_code",
        "order_id",
    }


def test_an_order_is_read_by_its_id() -> None:
    """An id that no order can have is malformed."""
    assert order_service.read_get(order_pb.GetOrderRequest(order_id="order-1")) == "order-1"
    wrong = order_pb.GetOrderRequest(order_id="a b")
    assert list(refused_fields(lambda: order_service.read_get(wrong))) == ["order_id"]


def test_a_route_may_be_explained_without_an_amount() -> None:
    """An unset amount leaves currency and limits out; a set one is parsed."""
    request = routing_pb.ExplainRouteRequest(
        country_code="FR", method=payment_pb.PAYMENT_METHOD_PAYPAL, order_id="order-1"
    )
    assert routing_service.read_route(request) == RouteQuery(
        "FR", PaymentMethod.PAYPAL, order_id="order-1"
    )
    request.amount.CopyFrom(_EUR)
    assert routing_service.read_route(request).amount == Money(1999, "EUR")


def test_a_route_wrong_in_everything_names_every_field() -> None:
    """An amount that is set to nothing counts."""
    wrong = routing_pb.ExplainRouteRequest(customer_id="a b", order_id="a b", amount=MoneyMessage())
    assert set(refused_fields(lambda: routing_service.read_route(wrong))) == {
        "country_code",
        "method",
        "customer_id",
        "order_id",
        "amount.amount_minor",
        "amount.currency_code",
    }


def test_a_policy_is_read_by_its_country() -> None:
    """An unknown code is malformed, a known one is the routing table's question."""
    assert routing_service.read_country(routing_pb.GetCountryPolicyRequest(country_code="FR")) == (
        "FR"
    )
    wrong = routing_pb.GetCountryPolicyRequest(country_code="XX")
    assert list(refused_fields(lambda: routing_service.read_country(wrong))) == ["country_code"]


def test_policies_are_paged_by_country() -> None:
    """A token of ours is read, another's is not."""
    query = routing_service.read_list(routing_pb.ListCountryPoliciesRequest(page_size=2))
    assert (query.after_code, query.page_size) == ("", 2)
    wrong = routing_pb.ListCountryPoliciesRequest(page_size=-1, page_token="RlI")
    assert set(refused_fields(lambda: routing_service.read_list(wrong))) == {
        "page_size",
        "page_token",
    }
