"""The configuration of a Stripe account."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from psp.stripe.config import StripeAccountConfig

_VALID = {
    "psp": "stripe",
    "api_key": "env:STRIPE_TEST_KEY",
    "publishable_key": "pk_test_1",
    "webhook_secrets": ["env:STRIPE_TEST_HOOK"],
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_TEST_KEY", "sk_test_topsecret")
    monkeypatch.setenv("STRIPE_TEST_HOOK", "whsec_topsecret")
    monkeypatch.setenv("STRIPE_LIVE_KEY", "rk_live_topsecret")
    monkeypatch.setenv("STRIPE_PUBLIC", "pk_test_1")


def _configured(**changes: object) -> StripeAccountConfig:
    return StripeAccountConfig.model_validate({**_VALID, **changes})


def test_the_smallest_configuration_is_enough() -> None:
    """Keys and one webhook secret are all that must be given."""
    config = _configured()

    assert config.api_base == "https://api.stripe.com"
    assert config.public_key == "pk_test_1"
    assert config.live_mode is False
    assert "topsecret" not in repr(config)


def test_the_mode_is_read_from_the_key() -> None:
    """A restricted live key is a live key."""
    assert _configured(api_key="env:STRIPE_LIVE_KEY").live_mode is True


@pytest.mark.parametrize(
    "address",
    ["https://api.stripe.com", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"],
)
def test_https_and_loopback_addresses_are_taken(address: str) -> None:
    """A sandbox may listen without TLS, on this machine only."""
    assert _configured(api_base=address).api_base == address


@pytest.mark.parametrize(
    "changes, source",
    [
        ({}, "balance_transactions"),
        ({"api_key": "env:STRIPE_LIVE_KEY"}, "report_runs"),
        (
            {"api_key": "env:STRIPE_LIVE_KEY", "settlement_source": "balance_transactions"},
            "balance_transactions",
        ),
        ({"settlement_source": "report_runs", "api_base": "http://127.0.0.1:1"}, "report_runs"),
    ],
)
def test_where_settlements_come_from(changes: dict[str, object], source: str) -> None:
    """By the key, unless the configuration says it; a sandbox of ours has reports too."""
    assert _configured(**changes).settlements_from == source


@pytest.mark.parametrize(
    "changes",
    [
        {"settlement_source": "report_runs"},
        {"settlement_source": "sigma"},
        {"files_base": "http://files.stripe.com"},
        {"files_base": "https://files.stripe.com/v1"},
        {"api_key": "sk_test_topsecret"},
        {"api_key": "env:STRIPE_PUBLIC"},
        {"publishable_key": "sk_live_topsecret"},
        {"publishable_key": "topsecret"},
        {"webhook_secrets": []},
        {"webhook_secrets": "env:STRIPE_TEST_HOOK"},
        {"api_base": "https://api.stripe.com/"},
        {"api_base": "https://api.stripe.com/v1"},
        {"api_base": "http://api.stripe.com"},
        {"api_base": "http://10.0.0.1:80"},
        {"api_base": "https://topsecret@api.stripe.com"},
        {"api_base": "api.stripe.com"},
        {"connect_timeout_s": 0},
        {"read_timeout_s": 1000},
        {"read_timeout_s": 30, "total_timeout_s": 20},
        {"max_network_retries": -1},
        {"max_network_retries": 50},
        {"psp": "other"},
        {"unknown": 1},
    ],
)
def test_what_cannot_work_is_refused_without_showing_values(changes: dict[str, object]) -> None:
    """A wrong configuration is refused, and the refusal quotes no value."""
    with pytest.raises(ValidationError) as caught:
        _configured(**changes)

    assert "topsecret" not in str(caught.value)
