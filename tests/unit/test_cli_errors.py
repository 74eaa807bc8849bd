"""What becomes of a command's error."""

from __future__ import annotations

from gateway.cli_errors import NEGATIVE, failure_of
from gateway.job_lease import LeaseLostError


def test_a_job_that_another_process_took_over_is_no_bug_of_ours() -> None:
    """The command says so, and what to do."""
    failure = failure_of(LeaseLostError("sweeper"))

    assert failure is not None
    assert failure.exit_code == NEGATIVE
    (line,) = failure.lines
    assert line.startswith("paygate: sweeper: another process has taken the work over")


def test_a_bug_stays_one() -> None:
    """It keeps its traceback."""
    assert failure_of(ZeroDivisionError()) is None
