"""Any PSP, behind a guard: a bounded number of calls at once, none while the PSP is down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

from psp.around import ProviderAround
from psp.guard import Guard
from psp.methods import MethodTraits
from psp.port import (
    CreatePayment,
    NextAction,
    PaymentMethod,
    PaymentServiceProvider,
    PspPayment,
)

T = TypeVar("T")


class GuardedProvider(ProviderAround):
    """Any PSP whose every call goes through `guard`: reads and changes alike.

    What a call needs nobody for is not held back. `methods` are the PSP's.
    """

    def __init__(
        self,
        inner: PaymentServiceProvider,
        guard: Guard,
        methods: Mapping[PaymentMethod, MethodTraits],
    ) -> None:
        super().__init__(inner)
        self._guard = guard
        self._methods = methods

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See the port."""
        if self._calls_nobody(request):
            return await self._inner.create_payment(request)
        return await super().create_payment(request)

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """See the port."""
        if self._calls_nobody(request):
            return await self._inner.next_action(request, psp_reference)
        return await super().next_action(request, psp_reference)

    async def _call(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 - the guard treats all alike
        async with self._guard.call():
            return await call()

    async def _stream(
        self,
        operation: str,  # noqa: ARG002 - the guard treats all alike
        begin: Callable[[], AsyncIterator[T]],
    ) -> AsyncIterator[T]:
        async with self._guard.call() as surrounded:
            heard = False
            async for each in begin():
                if not heard:
                    # The first word is an answer, and may be the one that all others wait for:
                    # whoever reads a stream may take minutes for it. Later ones may have come long
                    # before they are read, and say nothing of now.
                    surrounded.hear()
                    heard = True
                yield each

    def _calls_nobody(self, request: CreatePayment) -> bool:
        traits = self._methods.get(request.method)
        return traits is not None and traits.begins_without_call and request.shopper_present
