"""Moving an order in one statement, where the database writes in CTEs: PostgreSQL does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Select,
    String,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

from legacy_bridge.port import OrderState
from legacy_bridge.sql.rows import Wish
from legacy_bridge.sql.tables import UtcDateTime, order_actions, orders
from legacy_bridge.transitions import TRANSITIONS, WISHES, Verdict


def _move(wanted: OrderState) -> Select[Any]:
    """Statement that moves an order which may move, logs that, and returns the order.

    It returns nothing, and does nothing, if the order may not move. A key that was used is a unique
    violation, which undoes it all. Whoever moves the order at the same time holds its row, and the
    state is then looked at anew (PostgreSQL manual, "Read Committed Isolation Level").
    """
    places = [
        state.value for state in OrderState if TRANSITIONS.get((state, wanted)) is Verdict.MOVE
    ]
    key, payment_id, reason = (
        bindparam(name, type_=String) for name in ("key", "asked_payment_id", "asked_reason")
    )
    now = bindparam("now", type_=UtcDateTime)
    moved = (
        update(orders)
        .where(
            orders.c.order_id == bindparam("id"),
            orders.c.state.in_([literal_column(f"'{place}'") for place in places]),
        )
        .values(
            state=wanted.value,
            payment_id=func.coalesce(func.nullif(payment_id, ""), orders.c.payment_id),
            reason=reason,
            # An order's time never goes back: who held the row until now may have begun later.
            update_time=func.greatest(now, orders.c.update_time, type_=UtcDateTime),
        )
        .returning(*orders.c)
        .cte("moved")
    )
    line = {
        "key": key,
        "order_id": moved.c.order_id,
        "wanted": moved.c.state,
        "asked_payment_id": payment_id,
        "asked_reason": reason,
        "changed": literal_column("true"),
        "state": moved.c.state,
        "payment_id": moved.c.payment_id,
        "reason": moved.c.reason,
        "update_time": moved.c.update_time,
        "action_time": moved.c.update_time,
    }
    logged = insert(order_actions).from_select(list(line), select(*line.values())).cte("logged")
    return select(moved).add_cte(logged)


MOVES: Final[Mapping[OrderState, Select[Any]]] = {wanted: _move(wanted) for wanted in WISHES}
"""By the state that is wanted. Made once: making a statement costs more than its row."""


def move_parameters(wish: Wish, key: str, now: datetime) -> dict[str, object]:
    """Return what a statement of `MOVES` takes."""
    return {
        "id": wish.order_id,
        "key": key,
        "asked_payment_id": wish.payment_id,
        "asked_reason": wish.reason,
        "now": now,
    }
