"""The back office's refunds: a file a day, with good lines and bad ones, and some sent again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.bootstrap import Application
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.refund_files.lines import HEADER
from gateway.refund_files.values import BatchOptions, SubmittedBatch
from legacy_bridge.files.folder import INBOUND
from legacy_bridge.port import DraftOrder, OrderState
from psp.ogone.sandbox.refusals import Refusal
from tests.simulation.chaos import DAY_S, HOUR_S
from tests.simulation.ledger import RefundFile, Wish
from tests.simulation.shoppers import Purchase
from tests.simulation.world import GaveUpError, World

FILE_HOURS: Final = ((5.0, 12.0), (26.0, 33.0))
"""When each day's file is written, in hours of the run."""
LAST_FILE_HOUR: Final = 54.0
"""When the last one is, which sends all that came before once more: no trouble by then."""
_LINES: Final = 6
_KINDS: Final[Mapping[str, int]] = {
    "a part": 12,
    "all": 4,
    "more than there is": 4,
    "twice in the file": 3,
    "another amount under the same id": 3,
    "of another order": 1,
    "in another currency": 1,
    "of no payment": 1,
    "torn": 1,
    "with a comma": 1,
}
_AGAIN: Final = 0.4
"""How often a line of an earlier file comes again, word for word."""
_UNHEARD: Final = 0.6
"""How often somebody refunds at Ogone by hand, and no notification arrives: Ogone lists no events,
so that nothing tells of it but its report."""
_DIES: Final = 0.5
_MOST_STEPS: Final = 60
_SMALL_MINOR: Final = 101


class RefundOffice:
    """Writes the files, and keeps what they said."""

    def __init__(self, world: World, purchases: Sequence[Purchase]) -> None:
        self._world = world
        self._purchases = purchases
        self._rng = world.rng
        self._moved = 0

    async def work(self) -> None:
        """Write the files of the days on which things go wrong."""
        for earliest, latest in FILE_HOURS:
            await self._wait(self._rng.uniform(earliest, latest))
            if self._world.now_s() > DAY_S and self._rng.random() < _UNHEARD:
                await self._refund_unheard()
            await self._send(await self._lines())

    async def end(self) -> None:
        """Send everything once more, in one file: nothing of it may happen again."""
        await self._wait(LAST_FILE_HOUR)
        whole = [line for file in self._world.ledger.files for line in file.lines]
        lines = await self._lines()
        await self._send([*whole, *lines])

    async def _wait(self, hour: float) -> None:
        await asyncio.sleep(max(0.0, hour * HOUR_S - self._world.now_s()))

    # ------------------------------------------------------------ what is in a file
    async def _lines(self) -> list[Wish | str]:
        lines: list[Wish | str] = []
        released = await self._released()
        for order in self._rng.sample(released, min(_LINES, len(released))):
            lines += self._about(order)
        earlier = [line for file in self._world.ledger.files for line in file.wishes]
        lines += [line for line in earlier if self._rng.random() < _AGAIN]
        self._rng.shuffle(lines)
        return lines

    async def _released(self) -> list[DraftOrder]:
        """Look at some orders, and return those that are released."""
        looked_at = min(2 * _LINES, len(self._purchases))
        return [
            order
            for purchase in self._rng.sample(self._purchases, looked_at)
            if (order := await self._world.office.find_order(purchase.order.order_id)) is not None
            and order.state is OrderState.RELEASED
        ]

    def _about(self, order: DraftOrder) -> list[Wish | str]:
        """Draw what a file says of an order."""
        kind = self._rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        total = order.total.amount_minor
        minor = max(1, int(total * self._rng.uniform(0.05, 0.5)))
        if kind == "all":
            minor = total
        if kind == "more than there is":
            minor = total + self._rng.randrange(1, 500)
        self._moved += 1
        wish = Wish(
            f"M-{self._moved}",
            order.order_id,
            order.payment_id,
            written(minor),
            order.total.currency,
            order.country_code,
        )
        self._touch(order)
        drawn: Mapping[str, list[Wish | str]] = {
            "twice in the file": [wish, wish],
            "another amount under the same id": [wish, replace(wish, amount=written(minor + 1))],
            "of another order": [replace(wish, order_id="order-of-nobody")],
            "in another currency": [replace(wish, currency="USD")],
            "of no payment": [replace(wish, payment_id="pay_00000000000000000000000001")],
            "torn": [",".join(wish.cells[:4])],
            "with a comma": [f'{wish.movement_id},{order.order_id},,,,"1,50",EUR,,FR'],
        }
        return drawn.get(kind, [wish])

    async def _refund_unheard(self) -> None:
        """Refund a payment at Ogone, past the gateway and unheard: its report alone tells of it."""
        dumped: Any = self._world.ogone.books()
        payid_of = {
            each["order_id"]: each["payid"]
            for books in dumped
            for each in books["payments"]
            if each["captured"] and each["taken"] > _SMALL_MINOR
        }
        for order in await self._released():
            if order.payment_id in payid_of:
                self._touch(order)
                self._world.post.unheard.add(order.payment_id)
                self._world.say(f"somebody refunds {order.payment_id} at Ogone, unheard")
                try:
                    self._world.ogone.refund_by_hand(payid_of[order.payment_id], _SMALL_MINOR)
                except Refusal as refused:  # nothing is left of it: another one is refunded
                    self._world.say(f"refused: {refused}")
                    continue
                return

    def _touch(self, order: DraftOrder) -> None:
        """Note that the order's money is moved by hand, as far as its PSP can tell."""
        for purchase in self._purchases:
            if purchase.order.order_id == order.order_id:
                purchase.hand_made = True

    # ------------------------------------------------------------ how it goes out
    async def _send(self, lines: list[Wish | str]) -> None:
        files = self._world.ledger.files
        file = RefundFile(
            f"refunds-{len(files) + 1}.csv", lines, is_called=self._rng.random() < 0.4
        )
        files.append(file)
        way = "by call" if file.is_called else "into the folder"
        self._world.say(f"back office: {file.name} goes out {way}: {len(lines)} lines")
        machine = self._world.living()
        if machine is not None and self._rng.random() < _DIES:
            machine.die_within(self._rng.randrange(1, _MOST_STEPS))
        if file.is_called:
            await self._call(file)
        else:
            self._put(file)

    def _put(self, file: RefundFile) -> None:
        """Write it as a transfer does: under another name until it is whole."""
        folder = self._world.folder / INBOUND
        folder.mkdir(parents=True, exist_ok=True)
        path, now_s = folder / file.name, self._world.unix_s()
        path.write_bytes(content(file))
        os.utime(path, (now_s, now_s))

    async def _call(self, file: RefundFile) -> None:
        """Send it twice, under one request and under another; again, if nobody answers."""
        for number in (1, 2):
            key = RequestKey("back-office", "SubmitRefundBatch", f"{file.name}-{number}")
            options = BatchOptions(key, file.name)
            for _ in range(3):
                if await self._submitted(file, options):
                    break

    async def _submitted(self, file: RefundFile, options: BatchOptions) -> bool:
        async def submit(gateway: Application) -> SubmittedBatch:
            return await gateway.refund_batches.submit(options, _pieces(file))

        try:
            await self._world.ask(f"back office ({file.name})", submit)
        except GaveUpError:
            return False
        except PaygateError as refusal:
            self._world.problems.append(("", f"{file.name} was refused: {refusal}"))
        else:
            file.was_answered = True
        return True


def written(minor: int) -> str:
    """Write an amount in major units; every currency here has two decimals."""
    return f"{minor // 100}.{minor % 100:02}"


def content(file: RefundFile) -> bytes:
    """Return a file's bytes."""
    rows = [",".join(HEADER)]
    rows += [line if isinstance(line, str) else ",".join(line.cells) for line in file.lines]
    return "\n".join([*rows, ""]).encode()


async def _pieces(file: RefundFile) -> AsyncIterator[bytes]:
    for row in content(file).splitlines(keepends=True):
        await asyncio.sleep(0.2)
        yield row
