"""What the gateway of a run is made of: its configuration, and real adapters on simulated time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gateway.routing.configuration import Configuration, load_configuration
from gateway.settings import SANDBOX_CONFIG_FILE
from psp.ogone.events import OgoneEvents
from psp.ogone.provider import OgoneProvider
from psp.port import PaymentServiceProvider
from psp.stripe.config import SettlementSource, StripeAccountConfig
from psp.stripe.events import StripeEvents
from psp.stripe.provider import StripeProvider

_MORE_COUNTRIES: Final = """
[countries.NL]
currencies = ["EUR"]
capture_policy = "automatic"
[[countries.NL.methods]]
method = "card"
account = "ogone_be"

[countries.IT]
currencies = ["EUR"]
capture_policy = "manual"
[[countries.IT.methods]]
method = "card"
account = "ogone_be"
"""


def configuration(folder: Path, settled_from: SettlementSource) -> Configuration:
    """Return the sandbox's configuration with countries of every kind.

    `settled_from` is where Stripe's settlements are read from.
    """
    text = SANDBOX_CONFIG_FILE.read_text(encoding="utf-8")
    text = text.replace('"file:', f'"file:{SANDBOX_CONFIG_FILE.parent}/')
    text = text.replace(f'"{SettlementSource.REPORT_RUNS}"', f'"{settled_from}"')
    file = folder / "paygate.toml"
    file.write_text(text + _MORE_COUNTRIES, encoding="utf-8")
    return load_configuration(file)


def adapter(name: str, config: Any, session: Any, clock: Any) -> PaymentServiceProvider:
    """Build an adapter as the registry does; `clock` tells Unix time and `now` the moment."""
    if isinstance(config, StripeAccountConfig):
        stripe = StripeProvider(name, config, session, clock=clock.unix_s)
        # Of signatures and notifications the adapters take the machine's time: it must not be seen.
        stripe._events = StripeEvents(config, clock.unix_s)  # noqa: SLF001 - as above
        return stripe
    ogone = OgoneProvider(name, config, session, clock=clock.unix_s)
    ogone._events = OgoneEvents(config, clock.now)  # noqa: SLF001 - as above
    return ogone
