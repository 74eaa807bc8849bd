"""Claims: due rows that one replica takes for itself, until a lease ends.

A lease is nothing but the time at which the rows are due again. Whoever holds it knows that time,
and moves it only if it still stands: rows that were put off, dealt with or taken by somebody else
since are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.storage.json_rows import rows_parameter, select_rows

_PIECE: Final = "piece"
_PLACE: Final = "place"
_ROWS_A_PIECE: Final = 4
_LEAST_ROWS: Final = 16


def piece_of_work(name: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Mark, in a select for `claiming`, what rows of one piece of work have in common."""
    return name.label(_PIECE)


def place_in_line(place: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Mark, in a select for `claiming`, what a row's turn depends on."""
    return place.label(_PLACE)


def not_left_out(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Leave out the pieces of work that the caller is at already."""
    return name.not_in(select_rows(_PIECE))


def claiming(
    due: sa.Select[Any],
    *,
    key: Sequence[sa.Column[Any]],
    until: sa.Column[Any],
    returning: Sequence[sa.ColumnElement[Any]],
) -> sa.Update:
    """Return the statement that takes the rows of the first pieces of work in line.

    `due` selects the key, then `piece_of_work` and `place_in_line`, of the rows that may be taken.
    Rows that another claim is just looking at are skipped, so two claims never wait for each other
    and never get the same row. SQLite has one writer at a time, and leaves that part out.
    """
    table = until.table
    # A CTE that locks is carried out once; as a subquery it might be once for each row, each time
    # with other rows (PostgreSQL manual, SELECT, "The Locking Clause" and "WITH Queries").
    line = (
        due.order_by(_PLACE, *(column.name for column in key))
        .limit(sa.bindparam("most_rows", type_=sa.BigInteger))
        .with_for_update(skip_locked=True, of=table)
        .cte("line")
    )
    first = (
        sa.select(line.c[_PIECE])
        .group_by(line.c[_PIECE])
        .order_by(sa.func.min(line.c[_PLACE]), line.c[_PIECE])
        .limit(sa.bindparam("most_pieces", type_=sa.BigInteger))
    )
    chosen = sa.select(*(line.c[column.name] for column in key)).where(line.c[_PIECE].in_(first))
    this = sa.tuple_(*key) if len(key) > 1 else key[0]
    return (
        sa.update(table)
        .where(this.in_(chosen))
        .values({until: sa.bindparam("lease_until")})
        .returning(*returning)
    )


def claim_parameters(pieces: int, left_out: Collection[str]) -> Mapping[str, Any]:
    """Return the parameters of `claiming` and `not_left_out`.

    Rows are looked at for several times as many, so that those of one piece come together; those
    that do not come with it are taken when it is free again.
    """
    return {
        "most_pieces": pieces,
        "most_rows": max(_LEAST_ROWS, pieces * _ROWS_A_PIECE),
        **rows_parameter([{_PIECE: name} for name in left_out]),
    }
