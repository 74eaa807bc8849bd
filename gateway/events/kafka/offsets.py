"""Which offsets may be committed: everything before them is done with, in whatever order it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Ticket:
    """One message that was received and is to be marked as done; equal only to itself."""

    partition: int
    offset: int
    done: bool = False


@dataclass(slots=True)
class _Partition:
    pending: deque[Ticket] = field(default_factory=deque)
    """In the order of their offsets; the first one is not done."""
    next_offset: int | None = None
    """What may be committed: the offset to go on from."""
    committed: int | None = None


class OffsetTracker:
    """Follows the partitions of one topic that this consumer was assigned.

    Offsets may have gaps (compaction, control records): only what was received counts. What ends
    after its partition was revoked changes nothing, also when the partition came back since.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    @property
    def pending(self) -> int:
        """How many messages were received and are held up: not done, or behind one that is not."""
        return sum(len(each.pending) for each in self._partitions.values())

    def received(self, partition: int, offset: int) -> Ticket:
        """Take note of a message, in the order in which the partition gives them."""
        ticket = Ticket(partition, offset)
        self._partitions.setdefault(partition, _Partition()).pending.append(ticket)
        return ticket

    def done(self, ticket: Ticket) -> None:
        """The effect of a message is durable, or it has none."""
        ticket.done = True
        known = self._partitions.get(ticket.partition)
        if known is None:
            return
        while known.pending and known.pending[0].done:
            known.next_offset = known.pending.popleft().offset + 1

    def take_committable(self) -> Mapping[int, int]:
        """Return the offset to go on from of each partition that came further since last asked."""
        fresh = {
            number: each.next_offset
            for number, each in self._partitions.items()
            if each.next_offset is not None and each.next_offset != each.committed
        }
        for number, offset in fresh.items():
            self._partitions[number].committed = offset
        return fresh

    def positions(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """Return the offset to go on from of each of these partitions that has one."""
        return {
            number: offset
            for number in partitions
            if number in self._partitions
            and (offset := self._partitions[number].next_offset) is not None
        }

    def forget(self, partitions: Iterable[int]) -> None:
        """These partitions belong to somebody else from now on."""
        for number in partitions:
            self._partitions.pop(number, None)
