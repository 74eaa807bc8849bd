"""Why a source of aliases did not answer, in words."""

from __future__ import annotations

import pytest

from gateway.aliases.reasons import REASON_OF_ERROR, TIMED_OUT, reason_of
from psp import errors
from psp.errors import NotFoundError, PspError, RejectedError

_KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PspError) and kind is not PspError
]


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_a_psp_has_words(kind: type[PspError]) -> None:
    """The table is total, and nothing that the PSP said gets out."""
    assert REASON_OF_ERROR[kind] == reason_of(kind("eu", "secret", "code_1"))


def test_a_kind_of_its_own_has_words_of_its_own() -> None:
    """A missing customer is told apart from other refusals."""
    assert reason_of(NotFoundError("eu", "d")) != reason_of(RejectedError("eu", "d"))


def test_silence_has_words() -> None:
    """A source that did not answer in time is said to be late, not down."""
    assert reason_of(TimeoutError()) == TIMED_OUT
