"""The call that a servicer is answering: who asks, until when, and what its log line will say."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import grpc

ANONYMOUS: Final = "anonymous"
"""Name of a caller that does not say who it is."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class Call:
    """One RPC while it runs. The interceptors fill it in, servicers read it."""

    method: str
    """Full name, e.g. `/paygate.v1.PaymentService/CreatePayment`."""
    caller: str = ANONYMOUS
    deadline_s: float | None = None
    """On the monotonic clock; None if the caller waits for ever."""
    facts: dict[str, object] = field(default_factory=dict)
    """What the log line tells besides; never a secret."""

    @property
    def rpc(self) -> str:
        """The method's own name, e.g. `CreatePayment`."""
        return self.method.rpartition("/")[2]

    def remaining_s(self) -> float | None:
        """Return how long the caller still waits, 0 if it no longer does; None: for ever."""
        return None if self.deadline_s is None else max(self.deadline_s - time.monotonic(), 0.0)


_CURRENT: ContextVar[Call] = ContextVar("paygate_call")


def begin_call(method: str) -> Call:
    """Make the call of this task, which ends with the task: gRPC gives each RPC its own."""
    call = Call(method)
    _CURRENT.set(call)
    return call


def current_call() -> Call:
    """Return the call that this task answers; raises `LookupError` outside of any."""
    return _CURRENT.get()
