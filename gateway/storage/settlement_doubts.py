"""Which payments, refunds and lines of a report need a look: nearly all of them surely agree."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.domain.discrepancy import Subject, SubjectKind
from gateway.domain.settlement_rules import GIVEN
from gateway.storage.database import Database
from gateway.storage.reconciliation_tables import settlement_lines
from gateway.storage.settlement_lines import BY_INDEX, OF_ACCOUNT, OF_CHUNK, chunk_parameters
from gateway.storage.tables import payments, refunds

_l: Final = settlement_lines.c
# In the order of the indexes: each page of them is read once, and not again for every line. The
# offset keeps the order.
_looked_at: Final = (
    sa.select(
        _l.subject_kind,
        _l.subject_reference,
        _l.psp_account,
        _l.run_id,
        _l.line_number,
        _l.gross_minor,
        _l.currency,
    )
    .where(OF_CHUNK)
    .order_by(_l.subject_reference)
    .offset(BY_INDEX)
    .subquery("looked_at")
)
_this: Final = _looked_at.c
_other: Final = settlement_lines.alias("other")
# Written out, so that the partial indexes of references serve.
_NOTHING: Final[sa.ColumnElement[str]] = sa.literal_column("''", sa.Text)


def _there_is(*conditions: sa.ColumnElement[bool]) -> sa.Exists:
    return (
        sa.select(sa.literal_column("1"))
        .where(*conditions)
        .offset(BY_INDEX)
        .correlate(_looked_at)
        .exists()
    )


_HAS_OTHERS: Final = _there_is(
    _other.c.subject_reference == _this.subject_reference,
    _other.c.psp_account == _this.psp_account,
    _other.c.subject_kind == _this.subject_kind,
    sa.or_(_other.c.run_id != _this.run_id, _other.c.line_number != _this.line_number),
)
# What one line alone must say so that `judge_payment` and `judge_refund` find no difference.
_IS_OUR_PAYMENT: Final = _there_is(
    payments.c.psp_account == OF_ACCOUNT,
    payments.c.psp_reference == _this.subject_reference,
    payments.c.psp_reference != _NOTHING,
    payments.c.captured_minor == _this.gross_minor,
    payments.c.currency == _this.currency,
)
_IS_OUR_REFUND: Final = _there_is(
    refunds.c.psp_account == OF_ACCOUNT,
    refunds.c.psp_reference == _this.subject_reference,
    refunds.c.psp_reference != _NOTHING,
    refunds.c.amount_minor == -_this.gross_minor,
    refunds.c.currency == _this.currency,
    sa.or_(*(refunds.c.state == state.value for state in sorted(GIVEN))),
)
_IS_OURS: Final = sa.case(
    (_this.subject_kind == SubjectKind.PAYMENT.value, _IS_OUR_PAYMENT),
    (_this.subject_kind == SubjectKind.REFUND.value, _IS_OUR_REFUND),
    else_=sa.true(),
)
_DOUBTED: Final = (
    sa.select(_this.subject_kind, _this.subject_reference)
    .where(sa.or_(_HAS_OTHERS, ~_IS_OURS))
    .distinct()
)


async def doubted_subjects(
    database: Database, run_id: str, psp_account: str, after_line: int, until_line: int
) -> list[Subject]:
    """Return what a chunk of lines is about, without the payments and refunds that surely agree.

    Those have one line over all periods, and it says what we say. A line that is about itself is
    returned if its entry came before or comes again.
    """
    parameters = {
        **chunk_parameters(run_id, after_line, until_line),
        "at_account": psp_account,
    }
    rows = await database.fetch(_DOUBTED, parameters)
    return [Subject(SubjectKind(kind), reference) for kind, reference in rows]
