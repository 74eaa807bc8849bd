"""A third PSP, from its configuration to the table of PSPs."""

from __future__ import annotations

import time
from typing import Final, cast

import aiohttp
import pytest
from pydantic import ValidationError

from psp.money import Money
from psp.port import PaymentMethod, PaymentServiceProvider
from psp.registry import PspAccountConfig, PspKind, UnixClock
from tests.support.third_psp import traits
from tests.support.third_psp.config import ThirdAccountConfig
from tests.support.third_psp.provider import ThirdProvider


def _build(
    account: str,
    config: PspAccountConfig,
    session: aiohttp.ClientSession | None,
    _clock: UnixClock = time.time,
) -> PaymentServiceProvider:
    # The registry's union holds what is shipped; a new PSP joins it there.
    return ThirdProvider(account, cast("ThirdAccountConfig", config), session)


_KIND: Final = PspKind(
    name="third",
    config_class=ThirdAccountConfig,  # type: ignore[arg-type]  # as above
    methods=traits.METHODS,
    capabilities=traits.CAPABILITIES,
    idempotency_lifetime_s=traits.IDEMPOTENCY_LIFETIME_S,
    build=_build,
)
_FILE: Final = {
    "psp": "third",
    "api_key": "env:THIRD_KEY",
    "webhook_secret": "env:THIRD_WEBHOOKS",
    "api_base": "https://third.example",
}


async def test_an_account_is_built_from_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the line in the table, with secrets from where the file says."""
    monkeypatch.setenv("THIRD_KEY", "topsecret")
    monkeypatch.setenv("THIRD_WEBHOOKS", "topsecret")

    provider = _KIND.build("third_fr", _KIND.config_class.model_validate(_FILE), None)

    assert (provider.account, provider.capabilities) == ("third_fr", _KIND.capabilities)
    await provider.close()


def test_a_secret_in_the_file_is_refused() -> None:
    """It is given by reference, and the refusal does not repeat it."""
    with pytest.raises(ValidationError) as refused:
        ThirdAccountConfig.model_validate({**_FILE, "api_key": "topsecret"})

    assert "topsecret" not in str(refused.value)


def test_its_limits_are_data() -> None:
    """Routing asks the table, not the adapter."""
    card = _KIND.methods[PaymentMethod.CARD]

    assert card.takes_amount(Money(1234, "EUR"))
    assert not card.takes_amount(Money(1234, "USD"))
