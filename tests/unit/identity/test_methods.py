"""Methods by name, and patterns over them."""

from __future__ import annotations

import pytest
from grpc_channelz.v1 import channelz_pb2

from gateway.api.descriptors import contract_files
from gateway.api.reflection import SERVICE_V1, SERVICE_V1ALPHA
from gateway.identity.methods import METHOD_NAMES, METHODS, methods_of

_READING = {
    "paygate.v1.PaymentService/GetPayment",
    "paygate.v1.PaymentService/ListPayments",
    "paygate.v1.PaymentService/ListPaymentEvents",
}


def test_every_method_of_the_contract_has_a_name() -> None:
    """Or an operator could not allow it."""
    contract = {
        f"{file.package}.{service.name}": {method.name for method in service.method}
        for file in contract_files()
        for service in file.service
    }

    named = {service: set(methods) for service, methods in METHODS.items()}
    assert contract.items() <= named.items()
    assert named.keys() - contract.keys() == {
        "grpc.channelz.v1.Channelz",
        SERVICE_V1,
        SERVICE_V1ALPHA,
    }
    channelz = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]
    assert named["grpc.channelz.v1.Channelz"] == set(channelz.methods_by_name)


@pytest.mark.parametrize(
    "pattern,expected",
    [
        ("paygate.v1.PaymentService/GetPayment", {"paygate.v1.PaymentService/GetPayment"}),
        ("paygate.v1.CustomerService", {"paygate.v1.CustomerService/EnsureCustomer"}),
        ("paygate.v1.CustomerService/*", {"paygate.v1.CustomerService/EnsureCustomer"}),
        ("paygate.v1.Pay*", {name for name in METHOD_NAMES if "PaymentService" in name}),
        ("paygate.v1.PaymentService/List*", {name for name in _READING if "/List" in name}),
        ("paygate.v1.*", {name for name in METHOD_NAMES if name.startswith("paygate")}),
        (
            "grpc.reflection.*",
            {f"{each}/ServerReflectionInfo" for each in (SERVICE_V1, SERVICE_V1ALPHA)},
        ),
    ],
)
def test_a_pattern_names_methods(pattern: str, expected: set[str]) -> None:
    """One, a service's, or all that begin alike."""
    assert methods_of(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "p*",
        "paygate.v1",
        "paygate.v1.PaymentService/",
        "paygate.v1.PaymentService/Pay",
        "paygate.v1.PaymentService/*Payment",
        "paygate.*.PaymentService/GetPayment",
        "/paygate.v1.PaymentService/GetPayment",
        "PaymentService/GetPayment",
        "paygate.v1.PaymentService/getpayment",
        "grpc.health.v1.Health",
    ],
)
def test_a_mistake_names_nothing(pattern: str) -> None:
    """So that a file with one is refused; a star alone would be too easily written."""
    assert methods_of(pattern) == frozenset()
