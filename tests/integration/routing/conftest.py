"""A configuration file that tests rewrite, and what follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.providers import Providers
from gateway.routing.configuration import load_configuration
from gateway.routing.reload import ConfigurationReloader, Reloaded
from gateway.routing.source import RoutingSource
from psp.errors import MisconfiguredError
from psp.port import PaymentServiceProvider
from psp.registry import PspAccountConfig
from tests.support.fake_psp import FakePsp
from tests.unit.routing.files import set_secrets, with_canary


class ClosablePsp(FakePsp):
    """A fake PSP that knows whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class Grace:
    """A pause that lasts until it is told to end."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def __call__(self, _seconds: float) -> None:
        await self.over.wait()


@dataclass
class Builder:
    """Makes adapters and keeps them all; `fails_for` cannot be made."""

    fails_for: str = ""
    built: list[ClosablePsp] = field(default_factory=list)

    def __call__(self, account: str, config: PspAccountConfig) -> PaymentServiceProvider:
        if account == self.fails_for:
            raise MisconfiguredError(account, "unset STRIPE_LOG")
        self.built.append(ClosablePsp(account))
        return self.built[-1]


@dataclass
class Followed:
    """A file and all that follows it."""

    path: Path
    builder: Builder
    grace: Grace
    routing: RoutingSource
    providers: Providers
    reloader: ConfigurationReloader
    observed: list[Reloaded]

    def write(self, text: str) -> None:
        """Put another file in its place."""
        other = self.path.with_suffix(".new")
        other.write_text(text, encoding="utf-8")
        other.replace(self.path)

    async def reload(self, text: str) -> Reloaded:
        """Write and reload."""
        self.write(text)
        return await self.reloader.reload()


def following(path: Path, text: str = "", **changes: Any) -> Followed:
    """Load the file, with another text if one is given, and follow it from then on."""
    if text:
        path.write_text(text, encoding="utf-8")
    configuration = load_configuration(path)
    builder, grace = Builder(), Grace()
    observed: list[Reloaded] = []
    routing = RoutingSource(configuration.table)
    providers = Providers(builder, configuration.accounts, sleep=grace)
    reloader = ConfigurationReloader(
        path,
        partial(load_configuration, path),
        routing,
        providers,
        observe=observed.append,
        **changes,
    )
    return Followed(path, builder, grace, routing, providers, reloader, observed)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A valid file with a canary of 30 percent."""
    set_secrets(tmp_path, monkeypatch)
    path = tmp_path / "paygate.toml"
    path.write_text(with_canary("30"), encoding="utf-8")
    return path


@pytest.fixture
async def followed(path: Path) -> Followed:
    """The file, followed."""
    return following(path)
