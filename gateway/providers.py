"""The adapters of all accounts: none that payments may be pinned to is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from psp.errors import PspError
from psp.port import PaymentServiceProvider
from psp.registry import PspAccountConfig

_log = structlog.get_logger(__name__)
_GRACE_S: Final = 180.0
"""As long as an operation's lease: no call of the gateway is longer under way."""

Build = Callable[[str, PspAccountConfig], PaymentServiceProvider]
"""(account, its configuration) -> its adapter. May raise `MisconfiguredError`."""


@dataclass(frozen=True, slots=True)
class AccountsChange:
    """What a new configuration changed, each by name and in order."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """No longer configured. Their adapters stay as they were."""


class Providers(Mapping[str, PaymentServiceProvider]):
    """Adapters by account, as configured now, with those of accounts that have left since.

    Ask each time anew and use what you got to the end of one piece of work: an adapter that was
    replaced is closed `grace_s` later.
    """

    def __init__(
        self,
        build: Build,
        accounts: Mapping[str, PspAccountConfig],
        *,
        grace_s: float = _GRACE_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._build = build
        self._grace_s = grace_s
        self._sleep = sleep
        self._configs = dict(accounts)
        self._adapters = {name: build(name, config) for name, config in accounts.items()}
        self._left: frozenset[str] = frozenset()
        self._closing: dict[asyncio.Task[None], PaymentServiceProvider] = {}

    def __getitem__(self, account: str) -> PaymentServiceProvider:
        return self._adapters[account]

    def __iter__(self) -> Iterator[str]:
        return iter(self._adapters)

    def __len__(self) -> int:
        return len(self._adapters)

    @property
    def configs(self) -> Mapping[str, PspAccountConfig]:
        """How each account is configured; those that have left, as they were last."""
        return dict(self._configs)

    @property
    def left(self) -> frozenset[str]:
        """Accounts that are no longer configured."""
        return self._left

    def replace(self, accounts: Mapping[str, PspAccountConfig]) -> AccountsChange:
        """Take a new configuration over, whole or not at all.

        Runs without a pause, so that no caller sees a half of it. Raises what `build` does, and
        then nothing has changed.
        """
        different = {
            name: config for name, config in accounts.items() if self._configs.get(name) != config
        }
        built = self._build_all(different)
        added = tuple(name for name in built if name not in self._adapters)
        changed = tuple(name for name in built if name in self._adapters)
        for name in changed:
            self._close_later(self._adapters[name])
        gone = self._adapters.keys() - accounts.keys()
        left = tuple(sorted(gone - self._left))
        # New mappings: who iterates over the old one is not disturbed.
        self._adapters = {**self._adapters, **built}
        self._configs = {**self._configs, **different}
        self._left = frozenset(gone)
        return AccountsChange(added, changed, left)

    async def close(self) -> None:
        """Close every adapter at once, also those that were replaced."""
        waiting = dict(self._closing)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for adapter in (*waiting.values(), *self._adapters.values()):
            await _close(adapter)

    def _build_all(
        self, accounts: Mapping[str, PspAccountConfig]
    ) -> dict[str, PaymentServiceProvider]:
        built: dict[str, PaymentServiceProvider] = {}
        try:
            for name, config in accounts.items():
                built[name] = self._build(name, config)
        except BaseException:
            for adapter in built.values():
                self._close_later(adapter)
            raise
        return built

    def _close_later(self, adapter: PaymentServiceProvider) -> None:
        task = asyncio.create_task(self._close_after_grace(adapter))
        self._closing[task] = adapter
        task.add_done_callback(lambda done: self._closing.pop(done, None))

    async def _close_after_grace(self, adapter: PaymentServiceProvider) -> None:
        await self._sleep(self._grace_s)
        await _close(adapter)


async def _close(adapter: PaymentServiceProvider) -> None:
    try:
        await adapter.close()
    except (PspError, OSError) as error:
        # Nobody waits for it any more, and the next one has to be closed too.
        _log.warning("adapter_not_closed", psp_account=adapter.account, error=str(error))
