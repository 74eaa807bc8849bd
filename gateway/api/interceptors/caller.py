"""Who calls, and whether it may: one function from a connection to a name, one to a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from gateway.api.call import ANONYMOUS, Context, current_call
from gateway.api.interceptors.around import Inner, Layer
from gateway.api.values import identifier
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.identity.callers import CallerSource
from gateway.identity.names import CallerName, caller_of

CALLER_KEY: Final = "x-paygate-caller"
"""Metadata in which a caller names itself, where no certificate does."""

IdentifyCaller = Callable[[Context], str]
"""Names who is behind a call; raises `PaygateError` if that cannot be."""
RequireAllowed = Callable[[str, str], None]
"""Raises `PaygateError` if a caller may not call a method: the caller's name, `/service/method`."""


def caller_by_metadata(context: Context) -> str:
    """Believe what the caller says of itself: only for networks where everybody is trusted."""
    for key, value in context.invocation_metadata() or ():
        if key == CALLER_KEY:
            return _name(value)
    return ANONYMOUS


def _name(value: str | bytes) -> str:
    try:
        return identifier(value if isinstance(value, str) else value.decode())
    except ValueError as error:
        raise PaygateError(
            Reason.INVALID_FIELDS,
            f"metadata {CALLER_KEY} is no name of a caller",
            fields=[FieldViolation(CALLER_KEY, str(error))],
        ) from None


def _caller_by_certificate(part: CallerName, context: Context) -> str:
    return caller_of(context.auth_context(), part)


def _allow(_caller: str, _method: str) -> None:
    """Refuse nobody."""


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known and what they may do."""

    identify: IdentifyCaller
    require_allowed: RequireAllowed


TRUSTING: Final = Access(caller_by_metadata, _allow)
"""In plaintext: everybody is who they say, and may call everything."""


def by_certificate(part: CallerName, callers: CallerSource) -> Access:
    """Return how it is with certificates: names are proven, and who is not listed is refused."""
    return Access(partial(_caller_by_certificate, part), callers.require)


class CallerLayer(Layer):
    """Names the caller, and lets it through if it may."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Keep the name on the call and on every line that is logged meanwhile."""
        call = current_call()
        call.caller = self._access.identify(context)
        # Never unbound: each RPC is a task of its own, and its context ends with it.
        structlog.contextvars.bind_contextvars(caller=call.caller)
        self._access.require_allowed(call.caller, method)
        return await inner(request, context)
