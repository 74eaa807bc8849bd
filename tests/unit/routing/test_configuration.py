"""A configuration file that is right, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.routing import AmountLimits, MethodRoute
from gateway.routing.configuration import Configuration, load_configuration
from psp.port import CapturePolicy, PaymentMethod
from psp.registry import PSP_KINDS
from psp.stripe.config import StripeAccountConfig
from tests.unit.routing.files import VALID, set_secrets, spoiled

_CONFIG = Path(__file__).resolve().parents[3] / "config"


def _load(folder: Path, text: str = VALID) -> Configuration:
    path = folder / "paygate.toml"
    path.write_text(text, encoding="utf-8")
    return load_configuration(path)


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_secrets(tmp_path, monkeypatch)


def test_accounts_are_read_with_their_secrets(tmp_path: Path) -> None:
    """Each account is configured and known to routing, a retired one too."""
    configuration = _load(tmp_path)
    config = configuration.accounts["stripe_eu"]
    accounts = configuration.table.accounts
    assert isinstance(config, StripeAccountConfig)

    assert set(configuration.accounts) == set(accounts) == {"stripe_eu", "stripe_old"}
    assert config.api_key.get_secret_value() == "sk_test_topsecret"
    assert [each.get_secret_value() for each in config.webhook_secrets] == [
        "whsec_topsecret",
        "whsec_older_topsecret",
    ]
    assert accounts["stripe_eu"].public_key == "pk_test_1"
    assert accounts["stripe_eu"].methods is PSP_KINDS["stripe"].methods
    assert [accounts[name].retired for name in ("stripe_eu", "stripe_old")] == [False, True]


def test_an_account_may_take_refunds_of_files_at_a_rate_of_its_own(tmp_path: Path) -> None:
    """The PSP's own configuration knows nothing of it."""
    text = VALID.replace("retired = true", "retired = true\nrefund_rate_per_s = 2.5")
    accounts = _load(tmp_path, text).table.accounts

    assert accounts["stripe_old"].refund_rate_per_s == 2.5
    assert accounts["stripe_eu"].refund_rate_per_s is None


def test_a_secrets_file_lies_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means the same from whatever folder the process is started."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = tmp_path / "paygate.toml"
    path.write_text(VALID, encoding="utf-8")
    monkeypatch.chdir(elsewhere)

    assert load_configuration(Path("../paygate.toml")).table == load_configuration(path).table


def test_no_secret_shows(tmp_path: Path) -> None:
    """A configuration can be printed."""
    assert "topsecret" not in repr(_load(tmp_path))


def test_a_country_is_read(tmp_path: Path) -> None:
    """Methods keep their order; currencies and the capture policy have defaults."""
    policy = _load(tmp_path).table.countries["FR"]

    assert policy.currencies == ("EUR", "GBP")
    assert policy.capture_policy is CapturePolicy.AT_ORDER
    assert policy.methods == (
        MethodRoute(
            PaymentMethod.CARD,
            "stripe_eu",
            {"EUR": AmountLimits(100, 500_000), "GBP": AmountLimits(30, 99_999_999)},
        ),
        MethodRoute(PaymentMethod.PAYPAL, "stripe_eu", {"EUR": AmountLimits(50, 99_999_999)}),
    )


@pytest.mark.parametrize(
    "limits,expected",
    [
        ("{}", AmountLimits(50, 99_999_999)),
        ("{ min_amount_minor = 51 }", AmountLimits(51, 99_999_999)),
        ("{ max_amount_minor = 99_999_998 }", AmountLimits(50, 99_999_998)),
        ("{ min_amount_minor = 50, max_amount_minor = 99_999_999 }", AmountLimits(50, 99_999_999)),
        ("{ min_amount_minor = 700, max_amount_minor = 700 }", AmountLimits(700, 700)),
    ],
)
def test_a_country_narrows_the_psps_limits(
    tmp_path: Path, limits: str, expected: AmountLimits
) -> None:
    """The PSP's limits hold, and the country's inside them."""
    old = "{ min_amount_minor = 100, max_amount_minor = 500_000 }"

    table = _load(tmp_path, spoiled((old, limits))).table

    assert table.countries["FR"].methods[0].limits["EUR"] == expected


def test_a_retired_account_may_stay_with_a_method_that_is_off(tmp_path: Path) -> None:
    """A method can be switched off without forgetting where it went."""
    text = spoiled(
        ('account = "stripe_eu"\nlimits', 'account = "stripe_old"\nenabled = false\nlimits')
    )

    route = _load(tmp_path, text).table.countries["FR"].methods[0]

    assert (route.account, route.enabled) == ("stripe_old", False)


def test_the_digest_is_of_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments, spacing, order of keys and a rotated secret leave it; a changed word does not."""
    digest = _load(tmp_path).table.digest
    same = spoiled(
        ('psp = "stripe"\napi_key = "env:STRIPE_KEY"', 'api_key="env:STRIPE_KEY"\npsp="stripe" #')
    )
    monkeypatch.setenv("STRIPE_KEY", "sk_test_rotated")

    assert len(digest) == 16
    assert _load(tmp_path, same).table.digest == digest
    assert _load(tmp_path, spoiled(("500_000", "500_001"))).table.digest != digest
    swapped = spoiled(('["EUR", "GBP"]', '["GBP", "EUR"]'))
    assert _load(tmp_path, swapped).table.digest != digest


def test_the_digest_is_not_of_the_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads a digest cannot try secrets against it."""
    digest = _load(tmp_path).table.digest
    monkeypatch.setenv("STRIPE_KEY", "sk_test_other")

    assert _load(tmp_path).table.digest == digest


def test_the_sandboxs_configuration_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """config/sandbox.toml brings its keys and keeps to this machine."""
    monkeypatch.delenv("STRIPE_KEY")

    configuration = load_configuration(_CONFIG / "sandbox.toml")
    stripe = configuration.accounts["stripe_eu"]
    assert isinstance(stripe, StripeAccountConfig)

    assert stripe.api_base.startswith("http://127.0.0.1:")
    assert stripe.live_mode is False
    assert {"FR", "DE", "ES", "PL"} <= set(configuration.table.countries)


def test_the_default_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """config/paygate.toml needs an account's secrets and shows every capture policy."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_1")

    countries = load_configuration(_CONFIG / "paygate.toml").table.countries.values()

    assert {policy.capture_policy for policy in countries} == set(CapturePolicy)


def test_callers_are_read_with_every_method_they_end_up_with(tmp_path: Path) -> None:
    """Patterns are resolved once, so that a call is looked up and not matched."""
    callers = """
[callers."spiffe://shop.example/checkout"]
methods = ["paygate.v1.CustomerService", "paygate.v1.PaymentService/Get*"]

[callers.finance]
methods = ["paygate.v1.PaymentService/GetPayment"]
"""
    policy = _load(tmp_path, VALID + callers).callers

    assert policy.methods == {
        "spiffe://shop.example/checkout": {
            "paygate.v1.CustomerService/EnsureCustomer",
            "paygate.v1.PaymentService/GetPayment",
        },
        "finance": {"paygate.v1.PaymentService/GetPayment"},
    }
    assert _load(tmp_path).callers.methods == {}
