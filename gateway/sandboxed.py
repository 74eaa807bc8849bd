"""A gateway whose PSPs are the sandboxes: how they are told of each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.routing.configuration import Configuration
from gateway.settings import SANDBOX_CONFIG_FILE
from psp.ogone import sandbox as ogone
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.sandbox import OgoneSandbox
from psp.stripe import sandbox as stripe
from psp.stripe.config import StripeAccountConfig
from psp.stripe.sandbox import StripeSandbox

_STRIPE_ADDRESS: Final = "http://127.0.0.1:12111"
_OGONE_ADDRESS: Final = "http://127.0.0.1:12112"
"""As config/sandbox.toml has them."""
_RETRY_GAPS_S: Final = (0.1, 0.2, 0.4, 0.8)
"""Short: nobody who plays waits an hour for a webhook."""


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """One simulator a PSP."""

    stripe: StripeSandbox
    ogone: OgoneSandbox


@asynccontextmanager
async def running_sandboxes(stripe_port: int = 0, ogone_port: int = 0) -> AsyncIterator[Sandboxes]:
    """Run every PSP's sandbox, on free ports unless they are named; raises `OSError`."""
    async with AsyncExitStack() as stack:
        yield Sandboxes(
            await stack.enter_async_context(
                stripe.running_sandbox(stripe_port, webhook_retry_gaps_s=_RETRY_GAPS_S)
            ),
            await stack.enter_async_context(
                ogone.running_sandbox(ogone_port, notification_retry_gaps_s=_RETRY_GAPS_S)
            ),
        )


def write_configuration(sandboxes: Sandboxes, folder: Path) -> Path:
    """Write config/sandbox.toml into a folder, with its accounts reaching these sandboxes."""
    text = SANDBOX_CONFIG_FILE.read_text(encoding="utf-8")
    found = {
        _STRIPE_ADDRESS: sandboxes.stripe.address,
        _OGONE_ADDRESS: sandboxes.ogone.address,
        '"file:': f'"file:{SANDBOX_CONFIG_FILE.parent}/',
    }
    for written, real in found.items():
        text = text.replace(written, real)
    file = folder / "paygate.toml"
    file.write_text(text, encoding="utf-8")
    return file


def introduce(sandboxes: Sandboxes, configuration: Configuration, http_address: str) -> None:
    """Tell the sandboxes where each account's webhooks go, how they sign, whom they let in."""
    for name, config in configuration.accounts.items():
        url = f"{http_address}/webhooks/{name}"
        if isinstance(config, StripeAccountConfig):
            sandboxes.stripe.register_webhook(
                url,
                config.webhook_secrets[0].get_secret_value(),
                api_key=config.api_key.get_secret_value(),
            )
        else:
            register_at_ogone(sandboxes.ogone, config, url)


def register_at_ogone(
    sandbox: OgoneSandbox, config: OgoneAccountConfig, url: str, *, partial_captures: bool = True
) -> None:
    """Tell Ogone's sandbox of an account, so that both sign alike; `url` takes notifications."""
    sandbox.register_account(
        config.pspid,
        config.user_id,
        config.password.get_secret_value(),
        sha_in_ecommerce=config.sha_in_ecommerce.get_secret_value(),
        sha_in_directlink=config.sha_in_directlink.get_secret_value(),
        sha_out=config.sha_out[0].get_secret_value(),
        algorithm=config.algorithm,
        notification_url=url,
        partial_captures=partial_captures,
    )
