"""What must hold of refund files: each movement once, each line answered, nothing left silent."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.refund_batch import BatchState
from gateway.domain.refund_movement import MovementState, Standing, standing
from gateway.refund_files.confirming import overdue_movements
from gateway.refund_files.values import LineOutcome
from legacy_bridge.files.folder import INBOUND, RESULTS, WORKING
from tests.simulation.books import BookEntry
from tests.simulation.ledger import RefundFile, Wish
from tests.simulation.rows import Problem, Rows
from tests.simulation.world import World

_CONFIRMED: Final = frozenset({Standing.SUCCEEDED, Standing.FAILED, Standing.REFUSED})


async def file_problems(world: World, rows: Rows, books: Mapping[str, BookEntry]) -> list[Problem]:
    """Return what is wrong with the files of a run, and with what they moved."""
    stands = _stands(rows)
    overdue = world.now() - timedelta(seconds=world.settings.refund_overdue_after_s)
    told = {each.movement_id async for each in overdue_movements(world.database, overdue)}
    problems = [*_movements(world, rows, stands, told), *_made(world, rows, books)]
    for file in world.ledger.files:
        problems += [("", f"{file.name}: {text}") for text in _file(world, file, rows, stands)]
    for name in (INBOUND, WORKING):
        left = sorted(path.name for path in (world.folder / name).glob("*"))
        if left:
            problems.append(("", f"{name} holds {left} still"))
    return problems


def _stands(rows: Rows) -> dict[str, Standing]:
    """Say where each movement stands by what is stored."""
    state_of = {refund.id: RefundState(refund.state) for refund in rows.refunds}
    return {
        row.movement_id: standing(MovementState(row.state), state_of.get(row.refund_id))
        for row in rows.movements
    }


def _movements(
    world: World, rows: Rows, stands: Mapping[str, Standing], told: set[str]
) -> Iterable[Problem]:
    """See that each was written in some file, has its own refund, and is confirmed or overdue."""
    written: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for file in world.ledger.files:
        for wish in file.wishes:
            written[wish.movement_id].add((wish.payment_id, _minor(wish), wish.currency))
    refund_of = {refund.id: refund for refund in rows.refunds}
    for row in rows.movements:
        meant = (row.payment_id, str(row.amount_minor), row.currency)
        if meant not in written[row.movement_id]:
            yield row.order_id, f"{row.movement_id} moves {meant}, which no file says"
        if stands[row.movement_id] not in _CONFIRMED and row.movement_id not in told:
            where = stands[row.movement_id]
            yield row.order_id, f"{row.movement_id} is {where} for days, and nobody is told"
        refund = refund_of.get(row.refund_id)
        if refund is not None and (refund.payment_id, str(refund.amount_minor)) != meant[:2]:
            yield row.order_id, f"{row.movement_id} has {refund.id}, which is of another sum"
    tied = Counter(row.refund_id for row in rows.movements if row.refund_id)
    for refund in rows.refunds:
        # What surely was never made at the PSP is given up, and the movement has another one.
        was_made = bool(refund.psp_reference) or refund.state != RefundState.FAILED
        if refund.cause == RefundCause.FILE and was_made and tied[refund.id] != 1:
            yield refund.order_id, f"{refund.id} is of {tied[refund.id]} movements"


def _made(world: World, rows: Rows, books: Mapping[str, BookEntry]) -> Iterable[Problem]:
    """See in the PSPs' books that no movement made two refunds: nobody else wanted such a sum."""
    wanted: Counter[tuple[str, int]] = Counter(
        (refund.payment_id, refund.amount_minor)
        for refund in rows.refunds
        if refund.cause not in {RefundCause.FILE, RefundCause.PSP}
    )
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for file in world.ledger.files:
        for wish in file.wishes:
            ids[wish.payment_id, int(_minor(wish))].add(wish.movement_id)
    for (payment_id, minor), movements in ids.items():
        entry = books.get(payment_id)
        made = [
            refund.id
            for refund in (entry.refunds if entry else ())
            if refund.amount_minor == minor and not refund.foreign
        ]
        most = len(movements) + wanted[payment_id, minor]
        if len(made) > most:
            yield "", f"{sorted(movements)} made {len(made)} refunds of {payment_id}: {made}"


# ------------------------------------------------------------ what was answered
def _file(
    world: World, file: RefundFile, rows: Rows, stands: Mapping[str, Standing]
) -> Iterable[str]:
    batches = [each for each in rows.batches if each.file_name == file.name]
    read = [each for each in batches if each.state == BatchState.READ]
    if not read:
        if not file.is_called or file.was_answered:
            yield f"it was never read to its end: {[each.state for each in batches]}"
        return
    for batch in read:
        lines = [each for each in rows.batch_lines if each.batch_id == batch.id]
        numbers = sorted(each.line_number for each in lines)
        if numbers != file.numbers:
            yield f"{batch.id} has lines {numbers} of {file.numbers}"
        yield from _refusals(file, lines)
    if not file.is_called:
        yield from _result(world, file, stands)


def _refusals(file: RefundFile, lines: Iterable[Any]) -> Iterable[str]:
    """See that a line which is none was refused, and named no movement's refund."""
    for line in lines:
        number = line.line_number
        meant = file.lines[number - 2] if number in file.numbers else None
        if isinstance(meant, str) and line.outcome != LineOutcome.REFUSED:
            yield f"line {number} was {line.outcome}, and cannot be read: {meant}"


def _result(world: World, file: RefundFile, stands: Mapping[str, Standing]) -> Iterable[str]:
    """See that there is one result, with one line for each, which says how things stand now."""
    results = list((world.folder / RESULTS).glob(f"*.{file.name}"))
    if len(results) != 1:
        yield f"it has {len(results)} results"
        return
    told = list(csv.DictReader(io.StringIO(results[0].read_text(encoding="utf-8"))))
    numbers = [int(each["line"]) for each in told]
    if numbers != file.numbers:
        yield f"its result has lines {numbers} of {file.numbers}"
    for each in told:
        if each["outcome"] == LineOutcome.REFUSED:
            continue
        now = stands.get(each["movement_id"])
        if each["state"] != now:
            yield f"line {each['line']} says {each['movement_id']} is {each['state']}: it is {now}"


def _minor(wish: Wish) -> str:
    return str(int(wish.amount.replace(".", "")))
