"""A changed configuration file takes effect while the gateway runs, or is refused whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from gateway.identity.callers import CallerSource
from gateway.providers import AccountsChange, Providers
from gateway.routing.configuration import Configuration
from gateway.routing.pinned import pinned_problems
from gateway.routing.problems import ConfigurationError
from gateway.routing.source import RoutingSource
from gateway.routing.watched import WatchedFile
from gateway.settings import SettingsError
from gateway.signals import Wake
from psp.errors import MisconfiguredError

_log = structlog.get_logger(__name__)
LOOK_EVERY_S: Final = 3.0
"""How often the file is looked at without a signal."""


class Reloaded(StrEnum):
    """How a reload ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


def _ignore(_reloaded: Reloaded) -> None:
    """Count nothing."""


class ConfigurationReloader:
    """Keeps routing, adapters and what callers may call at what the configuration file says.

    `load` reads and checks the whole file; it runs in a thread and raises `ConfigurationError` or
    `SettingsError`. `observe` hears of every reload's end.
    """

    def __init__(
        self,
        file: Path,
        load: Callable[[], Configuration],
        routing: RoutingSource,
        providers: Providers,
        *,
        look_every_s: float = LOOK_EVERY_S,
        observe: Callable[[Reloaded], None] = _ignore,
        callers: CallerSource | None = None,
    ) -> None:
        self._file = file
        self._watched = WatchedFile(file)
        self._load = load
        self._routing = routing
        self._providers = providers
        self._look_every_s = look_every_s
        self._observe = observe
        self._callers = callers
        self._asked = False
        self._wake = Wake()
        self._one_at_a_time = asyncio.Lock()

    def ask(self) -> None:
        """Read the file anew, soon, changed or not: for SIGHUP. Rotated secrets are read too."""
        self._asked = True
        self._wake.set()

    async def run(self) -> None:
        """Reload when asked to and when the file has changed, until canceled."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - see the comment
                # The outermost edge: it must live on, or no later file is ever read.
                _log.exception("configuration_reload_failed", file=str(self._file))
            await self._wake.wait(self._look_every_s)

    async def look(self) -> Reloaded | None:
        """Reload if asked to or if the file has changed; None if there is no reason to."""
        asked, self._asked = self._asked, False
        changed = await asyncio.to_thread(self._watched.has_changed)
        return await self.reload() if asked or changed else None

    async def reload(self) -> Reloaded:
        """Read the file now. One that has problems changes nothing, and the log has them all."""
        async with self._one_at_a_time:
            reloaded = await self._reload()
        self._observe(reloaded)
        return reloaded

    async def _reload(self) -> Reloaded:
        try:
            configuration = await asyncio.to_thread(self._load)
            problems = pinned_problems(self._providers.configs, configuration.accounts)
            if problems:
                raise ConfigurationError(self._file, problems)
            before = self._routing.table.digest
            # From here to the end nothing waits: no call sees new routing without its adapters.
            change = self._providers.replace(configuration.accounts)
        except (ConfigurationError, SettingsError) as error:
            return self._refused(error.lines())
        except MisconfiguredError as error:
            return self._refused([str(error)])
        if change == AccountsChange() and self._routing.table == configuration.table:
            _log.info("configuration_unchanged", file=str(self._file), digest=before)
            return Reloaded.UNCHANGED
        self._routing.replace(configuration.table)
        if self._callers is not None:
            self._callers.replace(configuration.callers)
        self._report(before, change)
        return Reloaded.APPLIED

    def _refused(self, problems: Sequence[str]) -> Reloaded:
        _log.error(
            "configuration_refused",
            file=str(self._file),
            problems=list(problems),
            in_force=self._routing.table.digest,
        )
        return Reloaded.REFUSED

    def _report(self, before: str, change: AccountsChange) -> None:
        for account in change.left:
            _log.warning(
                "account_left_configuration",
                psp_account=account,
                advice="it sees its payments through until this process ends: "
                "bring it back with retired = true while payments of it live",
            )
        _log.info(
            "configuration_reloaded",
            file=str(self._file),
            old_digest=before,
            new_digest=self._routing.table.digest,
            accounts_added=list(change.added),
            accounts_changed=list(change.changed),
        )
