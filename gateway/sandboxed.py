"""A gateway whose Stripe is the sandbox: how the two are told of each other."""

from __future__ import annotations

from dataclasses import replace

from gateway.routing.configuration import Configuration, load_configuration
from gateway.settings import SANDBOX_CONFIG_FILE
from psp.stripe.config import StripeAccountConfig
from psp.stripe.sandbox import StripeSandbox


def sandbox_configuration(sandbox: StripeSandbox) -> Configuration:
    """Return config/sandbox.toml with its accounts reaching this sandbox."""
    configuration = load_configuration(SANDBOX_CONFIG_FILE)
    accounts = {
        name: config.model_copy(update={"api_base": sandbox.address})
        for name, config in configuration.accounts.items()
    }
    return replace(configuration, accounts=accounts)


def register_webhooks(
    sandbox: StripeSandbox, configuration: Configuration, http_address: str
) -> None:
    """Tell the sandbox where each account's webhooks go, and how they are signed."""
    for name, config in configuration.accounts.items():
        if not isinstance(config, StripeAccountConfig):
            continue
        sandbox.register_webhook(
            f"{http_address}/webhooks/{name}",
            config.webhook_secrets[0].get_secret_value(),
            api_key=config.api_key.get_secret_value(),
        )
