"""A back office in memory: its aliases, and failures on demand."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from legacy_bridge.port import DEFAULT_PAGE_SIZE, AccountMovement, DraftOrder, LegacyAlias
from tests.support.fake_psp import Gate

CARD_OF = LegacyAlias("A-1", "shopper-1", "plain", "visa", "1111", 12, 2030, "card")


class FakeOffice:
    """Keeps aliases; orders are not its business. `fail` and `hold` say how the next calls go."""

    def __init__(self) -> None:
        self.aliases: dict[tuple[str, str], LegacyAlias] = {}
        self.calls: list[tuple[str, object]] = []
        self._failures: dict[str, deque[tuple[BaseException, bool]]] = defaultdict(deque)
        self._gates: dict[str, deque[Gate]] = defaultdict(deque)
        self._keys: dict[str, object] = {}

    def fail(self, method: str, error: BaseException, *, acted: bool = False) -> None:
        """Answer the next call of `method` with `error`; with `acted`, after doing the work."""
        self._failures[method].append((error, acted))

    def hold(self, method: str) -> Gate:
        """Hold the next call of `method` until the gate is opened."""
        gate = Gate()
        self._gates[method].append(gate)
        return gate

    def add(self, alias: str = "A-1", **changes: Any) -> LegacyAlias:
        """Save a Visa card of shopper-1 at the plain account."""
        saved = replace(CARD_OF, alias=alias, **changes)
        self.aliases[saved.psp_account, saved.alias] = saved
        return saved

    def calls_of(self, method: str) -> list[object]:
        """Return what a method was asked, in order."""
        return [asked for name, asked in self.calls if name == method]

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        await self._enter("list_aliases", customer_id)
        return tuple(each for each in self.aliases.values() if each.customer_id == customer_id)

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        await self._enter("find_aliases", frozenset(names))
        return tuple(each for each in self.aliases.values() if each.alias in names)

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        def act() -> None:
            if alias.is_default:
                for place, each in self.aliases.items():
                    if each.customer_id == alias.customer_id:
                        self.aliases[place] = replace(each, is_default=False)
            self.aliases[alias.psp_account, alias.alias] = alias

        await self._change("save_alias", alias, key, act)
        return alias

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        place = (psp_account, alias)
        await self._change("delete_alias", place, key, lambda: self.aliases.pop(place, None))

    async def find_order(self, order_id: str) -> DraftOrder | None:
        raise NotImplementedError

    def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[DraftOrder]:
        raise NotImplementedError

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        raise NotImplementedError

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        raise NotImplementedError

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        raise NotImplementedError

    async def post_movement(self, movement: AccountMovement) -> None:
        raise NotImplementedError

    def list_movements(
        self, customer_id: str, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[AccountMovement]:
        raise NotImplementedError

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        raise NotImplementedError

    async def _enter(self, method: str, asked: object) -> None:
        self.calls.append((method, asked))
        if self._gates[method]:
            await self._gates[method].popleft().pass_through()
        if self._failures[method]:
            raise self._failures[method].popleft()[0]

    async def _change(self, method: str, asked: object, key: str, act: Any) -> None:
        failures = self._failures[method]
        if failures and failures[0][1]:
            self._act_once(asked, key, act)
        await self._enter(method, asked)
        self._act_once(asked, key, act)

    def _act_once(self, asked: object, key: str, act: Any) -> None:
        if key not in self._keys:
            self._keys[key] = asked
            act()
        assert self._keys[key] == asked, "the key was used otherwise"
