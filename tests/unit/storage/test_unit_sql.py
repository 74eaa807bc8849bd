"""A unit of work as one PostgreSQL statement."""

from __future__ import annotations

from gateway.storage.postgresql import unit_sql


def test_placeholders_are_numbered_through() -> None:
    """The parameters of all statements, one after the other, are those of the unit."""
    joined = unit_sql(
        [
            ("INSERT INTO a (x, y) VALUES ($1, $2)", ""),
            ("UPDATE b SET x = $2, y = $1 WHERE z = $2", ""),
            ("DELETE FROM c WHERE x = $1", ""),
        ]
    )

    assert joined == (
        "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2) RETURNING 1), "
        "w1 AS (UPDATE b SET x = $4, y = $3 WHERE z = $4 RETURNING 1), "
        "w2 AS (DELETE FROM c WHERE x = $5 RETURNING 1) "
        "SELECT (SELECT count(*) FROM w0), (SELECT count(*) FROM w1), (SELECT count(*) FROM w2)"
    )


def test_a_placeholder_of_two_digits_is_one_number() -> None:
    """`$12` is the twelfth parameter, not the first and a two."""
    many = "INSERT INTO a VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"

    joined = unit_sql([(many, ""), ("DELETE FROM b WHERE x = $1", "")])

    assert "DELETE FROM b WHERE x = $13 " in joined


def test_a_guard_is_checked_where_its_write_stands() -> None:
    """The outer select reads every write, and passes the guarded ones to the check by name."""
    joined = unit_sql(
        [("DELETE FROM a", ""), ("UPDATE b SET x = $1", "b_version"), ("DELETE FROM c", "")]
    )

    assert joined.endswith(
        "SELECT (SELECT count(*) FROM w0), "
        "paygate_expect_one((SELECT count(*) FROM w1), 'b_version'), "
        "(SELECT count(*) FROM w2)"
    )


def test_one_write_is_a_unit_as_well() -> None:
    """There is one way to send writes, however many."""
    joined = unit_sql([("DELETE FROM a", "")])

    assert joined == "WITH w0 AS (DELETE FROM a RETURNING 1) SELECT (SELECT count(*) FROM w0)"
