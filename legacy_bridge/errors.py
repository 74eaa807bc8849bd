"""What can go wrong between us and the back office, told apart by what the caller should do."""

from __future__ import annotations

from legacy_bridge.port import DraftOrder, OrderState


class BackOfficeError(Exception):
    """Base of all back office errors. The text is free of secrets and of driver details."""


class BackOfficeUnavailableError(BackOfficeError):
    """The back office did not answer, or not in time: it may have acted.

    Every change carries a key, so the caller repeats the same call with the same key.
    """

    def __init__(self, operation: str, detail: str) -> None:
        super().__init__(f"back office: {operation}: {detail}")
        self.operation = operation
        self.detail = detail


class OrderNotFoundError(BackOfficeError):
    """The back office holds no order with this id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} is not in the back office")
        self.order_id = order_id


class OrderConflictError(BackOfficeError):
    """The order's state does not allow the wanted one; nothing was changed.

    `order` is the order as it stands, `wanted` the state that was asked for.
    """

    def __init__(self, order: DraftOrder, wanted: OrderState) -> None:
        by = f" (payment {order.payment_id})" if order.payment_id else ""
        super().__init__(f"order {order.order_id} is {order.state}{by} and cannot become {wanted}")
        self.order = order
        self.wanted = wanted


class KeyReusedError(BackOfficeError):
    """The key was used before with other arguments: a bug of the caller; nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(f"key {key} was used before with other arguments")
        self.key = key


class AliasConflictError(BackOfficeError):
    """The alias is another customer's; nothing was changed."""

    def __init__(self, psp_account: str, alias: str) -> None:
        super().__init__(f"an alias of this name is another customer's at {psp_account}")
        self.psp_account = psp_account
        self.alias = alias
