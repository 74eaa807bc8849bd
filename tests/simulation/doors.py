"""What a process reaches the outside through: each door is where it may die, freeze, or hear no.

Whatever passes a door has its effect, also if the process that sent it dies there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.storage.database import Database, Row
from gateway.storage.writes import StorageUnavailableError, Write
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.files import RefundFolder
from legacy_bridge.port import AccountMovement, DraftOrder, LegacyAlias
from legacy_bridge.sql import SqlBackOffice
from tests.simulation.machine import Machine

T = TypeVar("T")
_DATABASE_S = 0.002
_OFFICE_S = 0.02
_OFFICE_HANGS_S = 15.0


class SimulatedDatabase:
    """The gateway's database as one process reaches it."""

    def __init__(self, inner: Database, machine: Machine) -> None:
        self._inner = inner
        self._machine = machine
        self._world = machine.world

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        await self._reach()
        return await self._inner.fetch(statement, parameters)

    async def commit(self, writes: Sequence[Write]) -> None:
        await self._machine.step("before a commit")
        await self._reach()
        await self._inner.commit(writes)
        self._world.note_stored(writes)
        await self._unheard()
        await self._machine.step("after a commit")

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        await self._reach()
        rows = await self._inner.claim(statement, parameters)
        if rows:  # where nothing is written there is no step
            await self._unheard()
            await self._machine.step("after a claim")
        return rows

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        await self._machine.step("before a load")
        await self._reach()
        await self._inner.load(table, rows)
        await self._machine.step("after a load")

    async def ping(self) -> None:
        await self._reach()

    async def close(self) -> None:
        """Leave it open: it is the whole world's."""

    async def _reach(self) -> None:
        await asyncio.sleep(self._world.chaos.latency_s(_DATABASE_S))
        await self._machine.thaw()
        if self._world.chaos.database_is_away(self._world.now_s()):
            raise StorageUnavailableError("the database is down")

    async def _unheard(self) -> None:
        if self._world.chaos.happens(self._world.chaos.commit_unheard):
            text = f"{self._machine.name}: a commit was durable, and nobody heard of it"
            self._world.trace.add(self._world.now_s(), text)
            raise StorageUnavailableError("the connection broke after the commit")


class SimulatedOffice:
    """The back office as one process reaches it: it refuses, hangs, and hears things twice."""

    def __init__(self, inner: SqlBackOffice, machine: Machine) -> None:
        self._inner = inner
        self._machine = machine
        self._world = machine.world

    async def find_order(self, order_id: str) -> DraftOrder | None:
        return await self._read(lambda: self._inner.find_order(order_id))

    async def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = 200
    ) -> AsyncIterator[DraftOrder]:
        async for order in self._inner.list_drafts_older_than(cutoff, page_size=page_size):
            await self._machine.thaw()
            yield order

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        async def release() -> DraftOrder:
            order = await self._inner.find_order(order_id)
            if order is not None:
                await self._world.on_release(order, payment_id)
            return await self._inner.release_order(order_id, payment_id=payment_id, key=key)

        known_s = self._machine.awake_since_s()
        await self._world.on_wish_to_release(order_id, payment_id, known_s)
        return await self._change(f"release {order_id} for {payment_id}", release)

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        return await self._change(
            f"hold {order_id} for {payment_id}: {reason}",
            lambda: self._inner.hold_order(order_id, payment_id=payment_id, reason=reason, key=key),
        )

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        return await self._change(
            f"cancel {order_id}: {reason}",
            lambda: self._inner.cancel_order(order_id, reason=reason, key=key),
        )

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        return await self._read(lambda: self._inner.list_aliases(customer_id))

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        return await self._read(lambda: self._inner.find_aliases(names))

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        return await self._change(
            f"save alias {alias.alias}", lambda: self._inner.save_alias(alias, key=key)
        )

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        await self._change(
            f"delete alias {alias}", lambda: self._inner.delete_alias(psp_account, alias, key=key)
        )

    async def post_movement(self, movement: AccountMovement) -> None:
        await self._change(f"post {movement.key}", lambda: self._inner.post_movement(movement))

    async def list_movements(
        self, customer_id: str, *, page_size: int = 200
    ) -> AsyncIterator[AccountMovement]:
        async for movement in self._inner.list_movements(customer_id, page_size=page_size):
            await self._machine.thaw()
            yield movement

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        return await self._read(lambda: self._inner.balance(customer_id))

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self._world.chaos.latency_s(_OFFICE_S))
        await self._machine.thaw()
        if self._world.chaos.office_fault():
            raise BackOfficeUnavailableError("read", "no answer in time")
        return await read()

    async def _change(self, said: str, change: Callable[[], Awaitable[T]]) -> T:
        await self._machine.step(f"before the back office: {said}")
        await asyncio.sleep(self._world.chaos.latency_s(_OFFICE_S))
        await self._machine.thaw()
        fault = self._world.chaos.office_fault()
        if fault == "refuses":
            raise BackOfficeUnavailableError(said, "connection refused")
        try:
            answer = await change()
        except Exception as error:
            self._told(said, fault, type(error).__name__)
            raise
        self._told(said, fault, "done")
        if fault == "twice":
            answer = await change()
        if fault == "hangs":
            await asyncio.sleep(_OFFICE_HANGS_S)
        if fault in {"hangs", "acts_and_fails"}:
            raise BackOfficeUnavailableError(said, "no answer in time")
        await self._machine.step(f"after the back office: {said}")
        return answer

    def _told(self, said: str, fault: str, how: str) -> None:
        trouble = f" [{fault}]" if fault else ""
        text = f"{self._machine.name}: back office: {said}{trouble} -> {how}"
        self._world.trace.add(self._world.now_s(), text)


class SimulatedFolder:
    """The refund files as one process reaches them: in a folder that is away at times."""

    def __init__(self, inner: RefundFolder, machine: Machine) -> None:
        self._inner = inner
        self._machine = machine
        self._world = machine.world

    async def list_refund_files(self) -> Sequence[str]:
        return await self._do("list refund files", self._inner.list_refund_files)

    async def take_refund_file(self, name: str, taken_as: str) -> bool:
        return await self._do(
            f"take {name} as {taken_as}", lambda: self._inner.take_refund_file(name, taken_as)
        )

    async def taken_refund_files(self) -> Sequence[str]:
        return await self._do("list taken files", self._inner.taken_refund_files)

    async def open_refund_file(self, taken_as: str) -> AsyncIterator[bytes]:
        await self._machine.step(f"before {taken_as} is read")
        async for piece in self._inner.open_refund_file(taken_as):
            for line in piece.splitlines(keepends=True):
                await self._machine.thaw()
                yield line

    async def write_refund_result(self, taken_as: str, lines: AsyncIterator[bytes]) -> None:
        async def stepping() -> AsyncIterator[bytes]:
            async for piece in lines:
                await self._machine.step(f"amid the result of {taken_as}")
                yield piece

        await self._do(
            f"write the result of {taken_as}",
            lambda: self._inner.write_refund_result(taken_as, stepping()),
        )

    async def finish_refund_file(self, taken_as: str) -> None:
        await self._do(f"finish {taken_as}", lambda: self._inner.finish_refund_file(taken_as))

    async def _do(self, said: str, act: Callable[[], Awaitable[T]]) -> T:
        await self._machine.step(f"before the folder: {said}")
        fault = self._world.chaos.office_fault()
        if fault == "refuses":
            raise BackOfficeUnavailableError(said, "the folder is not there")
        done = await act()
        if not said.startswith("list"):
            self._world.trace.add(
                self._world.now_s(), f"{self._machine.name}: folder: {said} [{fault}]"
            )
        if fault in {"hangs", "acts_and_fails"}:
            raise BackOfficeUnavailableError(said, "the folder went away")
        await self._machine.step(f"after the folder: {said}")
        return done
