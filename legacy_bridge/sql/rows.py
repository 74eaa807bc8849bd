"""Rows of the legacy tables to values and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from legacy_bridge.port import AccountMovement, DraftOrder, LegacyAlias, MovementKind, OrderState
from psp.money import Money


@dataclass(frozen=True, slots=True)
class Wish:
    """What one call asked for; equal wishes may share a key."""

    order_id: str
    wanted: OrderState
    payment_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderAction:
    """One line of the log: a wish that was granted, and how it left the order."""

    key: str
    wish: Wish
    changed: bool
    """Whether the order moved; False if it was in the wanted state already."""
    state: OrderState
    payment_id: str
    reason: str
    update_time: datetime
    action_time: datetime


def order_of(row: Row[Any]) -> DraftOrder:
    """Read an order."""
    return DraftOrder(
        order_id=row.order_id,
        customer_id=row.customer_id,
        country_code=row.country_code,
        total=Money(row.total_minor, row.currency_code),
        create_time=row.create_time,
        update_time=row.update_time,
        state=OrderState(row.state),
        payment_id=row.payment_id,
        reason=row.reason,
    )


def order_values(order: DraftOrder) -> dict[str, object]:
    """Write an order."""
    return {
        "order_id": order.order_id,
        "customer_id": order.customer_id,
        "country_code": order.country_code,
        "currency_code": order.total.currency,
        "total_minor": order.total.amount_minor,
        "create_time": order.create_time,
    } | order_state_values(order)


def order_state_values(order: DraftOrder) -> dict[str, object]:
    """Write the part of an order that changes."""
    return {
        "state": order.state.value,
        "payment_id": order.payment_id,
        "reason": order.reason,
        "update_time": order.update_time,
    }


def action_of(row: Row[Any]) -> OrderAction:
    """Read a line of the log."""
    return OrderAction(
        key=row.key,
        wish=Wish(row.order_id, OrderState(row.wanted), row.asked_payment_id, row.asked_reason),
        changed=row.changed,
        state=OrderState(row.state),
        payment_id=row.payment_id,
        reason=row.reason,
        update_time=row.update_time,
        action_time=row.action_time,
    )


def action_values(action: OrderAction) -> dict[str, object]:
    """Write a line of the log."""
    return {
        "key": action.key,
        "order_id": action.wish.order_id,
        "wanted": action.wish.wanted.value,
        "asked_payment_id": action.wish.payment_id,
        "asked_reason": action.wish.reason,
        "changed": action.changed,
        "state": action.state.value,
        "payment_id": action.payment_id,
        "reason": action.reason,
        "update_time": action.update_time,
        "action_time": action.action_time,
    }


def order_after(order: DraftOrder, action: OrderAction) -> DraftOrder:
    """Return `order` as `action` left it."""
    return replace(
        order,
        state=action.state,
        payment_id=action.payment_id,
        reason=action.reason,
        update_time=action.update_time,
    )


def alias_of(row: Row[Any]) -> LegacyAlias:
    """Read an alias."""
    return LegacyAlias(
        alias=row.alias,
        customer_id=row.customer_id,
        psp_account=row.psp_account,
        brand=row.brand,
        last4=row.last4,
        expiry_month=row.expiry_month,
        expiry_year=row.expiry_year,
        method=row.method,
        is_default=row.is_default,
    )


def alias_values(alias: LegacyAlias) -> dict[str, object]:
    """Write an alias."""
    return asdict(alias)


def movement_of(row: Row[Any]) -> AccountMovement:
    """Read a movement."""
    return AccountMovement(
        key=row.key,
        customer_id=row.customer_id,
        order_id=row.order_id,
        kind=MovementKind(row.kind),
        amount=Money(row.amount_minor, row.currency_code),
        reference=row.reference,
        booking_time=row.booking_time,
    )


def movement_values(movement: AccountMovement) -> dict[str, object]:
    """Write a movement."""
    return {
        "key": movement.key,
        "customer_id": movement.customer_id,
        "order_id": movement.order_id,
        "kind": movement.kind.value,
        "direction": movement.direction.value,
        "currency_code": movement.amount.currency,
        "amount_minor": movement.amount.amount_minor,
        "reference": movement.reference,
        "booking_time": movement.booking_time,
    }
