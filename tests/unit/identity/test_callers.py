"""What is decided about a caller: its name, and one call of it."""

from __future__ import annotations

import pytest

from gateway.errors import PaygateError, Reason
from gateway.identity.callers import CallerPolicy, CallerSource
from gateway.identity.names import CallerName, caller_of, is_caller_name

_POLICY = CallerPolicy({"checkout": frozenset({"paygate.v1.PaymentService/GetPayment"})})


@pytest.mark.parametrize(
    "caller,method,allowed",
    [
        ("checkout", "paygate.v1.PaymentService/GetPayment", True),
        ("checkout", "paygate.v1.PaymentService/GetPayments", False),
        ("checkout", "paygate.v1.PaymentService/CapturePayment", False),
        ("Checkout", "paygate.v1.PaymentService/GetPayment", False),
        ("", "paygate.v1.PaymentService/GetPayment", False),
        ("checkout", "grpc.health.v1.Health/Watch", True),
        ("finance", "grpc.health.v1.Health/Check", True),
        ("finance", "grpc.health.v1.HealthOfOthers/Check", False),
        ("finance", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo", False),
    ],
)
def test_only_what_is_listed_is_allowed(caller: str, method: str, allowed: bool) -> None:
    """And health, for everybody."""
    assert _POLICY.allows(caller, method) == allowed


def test_a_refusal_names_caller_and_method() -> None:
    """So that an operator can mend the list from the message alone."""
    with pytest.raises(PaygateError, match=r"finance may not call a\.B/C") as caught:
        CallerSource(_POLICY).require("finance", "/a.B/C")

    assert caught.value.reason is Reason.CALLER_NOT_ALLOWED
    assert caught.value.metadata == {"caller": "finance", "method": "a.B/C"}


@pytest.mark.parametrize(
    "name,usable",
    [
        ("spiffe://shop.example/checkout", True),
        ("spiffe://shop.example/ns/prod/sa/checkout", True),
        ("checkout", True),
        ("CN with spaces", False),
        ("line\nbreak", False),
        ("", False),
        ("x" * 2048, True),
        ("x" * 2049, False),
        ("spiffe://shop.example", False),
        ("spiffe://shop.example/", False),
        ("spiffe://shop.example/checkout/", False),
        ("spiffe://shop.example//checkout", False),
        ("spiffe://shop.example/../checkout", False),
        ("spiffe://shop.example/./checkout", False),
        ("spiffe://shop.example/..checkout", True),
        ("spiffe://Shop.example/checkout", False),
        ("spiffe://shop.example:443/checkout", False),
        ("spiffe://user@shop.example/checkout", False),
        ("SPIFFE://shop.example/checkout", False),
        ("spiffe:/shop.example/checkout", False),
        ("spiffe://shop.example/check%20out", False),
    ],
)
def test_names_of_callers(name: str, usable: bool) -> None:
    """A SPIFFE id as its specification writes it; anything else without spaces."""
    assert is_caller_name(name) == usable


@pytest.mark.parametrize("names", [[], [b"a", b"b"], [b""], [b"\xff\x00"], [b"two words"]])
def test_a_peer_without_exactly_one_name_is_nobody(names: list[bytes]) -> None:
    """Of two names either could be meant."""
    with pytest.raises(PaygateError) as caught:
        caller_of({"x509_common_name": names}, CallerName.COMMON_NAME)

    assert caught.value.reason is Reason.CALLER_NOT_IDENTIFIED
