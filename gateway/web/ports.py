"""What the HTTP edge needs of the rest of the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from gateway.events.received import ReceiveResult

Check = Callable[[], Awaitable[None]]
"""Returns if a thing that requests depend on can serve, raises if not."""


class WebhookInbox(Protocol):
    """Takes webhooks: verified, and durable once it has returned."""

    async def receive(self, account: str, headers: Mapping[str, str], body: bytes) -> ReceiveResult:
        """Verify a webhook and keep it; the one seen before is no error.

        Raises `InvalidEventError`, `UnknownAccountError` and `StorageUnavailableError`.
        """
