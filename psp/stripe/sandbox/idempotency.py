"""Idempotency keys as documented: Stripe API, idempotent requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.world import Clock

KEPT_S: Final = 24 * 3600
"""For how long a key is remembered: no longer than promised, so that callers notice."""
_MAX_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer of the API."""

    status: int
    body: JsonDict
    headers: Mapping[str, str] = field(default_factory=dict)
    executed: bool = True
    """Whether the endpoint ran; only then is the answer kept under a key."""


@dataclass(slots=True)
class _Entry:
    path: str
    fingerprint: str
    request_id: str
    started: int
    answer: Answer | None = None
    """None while the first request is under way."""


class IdempotencyKeys:
    """Every account's keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], _Entry] = {}

    def begin(
        self, account: str, key: str, path: str, fingerprint: str, request_id: str
    ) -> Answer | None:
        """Take the key, or return the answer it was given before.

        Raises `ApiError`: 400 if it stands for another request, 409 while that one is under way.
        """
        if len(key) > _MAX_CHARACTERS:
            message = f"Idempotency keys have at most {_MAX_CHARACTERS} characters."
            raise ApiError(400, message, before_execution=True)
        self._prune()
        entry = self._entries.get((account, key))
        if entry is None:
            started = self._clock.seconds()
            self._entries[account, key] = _Entry(path, fingerprint, request_id, started)
            return None
        if (entry.path, entry.fingerprint) != (path, fingerprint):
            raise _reused(key, entry.path, path)
        if entry.answer is None:
            raise in_use(key)
        replayed = {"Idempotent-Replayed": "true", "Original-Request": entry.request_id}
        kept = entry.answer
        return Answer(kept.status, kept.body, {**kept.headers, **replayed})

    def finish(self, account: str, key: str, answer: Answer) -> None:
        """Keep the answer, be it a refusal or a 500; forget the key if nothing was executed."""
        entry = self._entries.get((account, key))
        if entry is None:  # forgotten by a reset meanwhile
            return
        if answer.executed:
            entry.answer = answer
        else:
            del self._entries[account, key]

    def release(self, account: str, key: str) -> None:
        """Forget a key whose request came to nothing."""
        self._entries.pop((account, key), None)

    def clear(self) -> None:
        """Forget every key."""
        self._entries.clear()

    def _prune(self) -> None:
        # In the order they began, so the old ones stand first.
        oldest = self._clock.seconds() - KEPT_S
        for held, entry in list(self._entries.items()):
            if entry.started > oldest:
                return
            if entry.answer is not None:
                del self._entries[held]


def in_use(key: str) -> ApiError:
    """Return the 409 for a key whose request is still under way."""
    message = (
        f"There is currently another in-progress request using this Idempotent Key ({key}). "
        "Please try again later."
    )
    # Not an idempotency_error: the SDKs raise their general error for it.
    return ApiError(409, message, "idempotency_key_in_use", before_execution=True)


def _reused(key: str, first_path: str, path: str) -> ApiError:
    what = "parameters they were first used with"
    if first_path != path:
        what = f"endpoint they were first used for ('{first_path}' vs '{path}')"
    message = (
        f"Keys for idempotent requests can only be used with the same {what}. Try using a key "
        f"other than '{key}' if you meant to execute a different request."
    )
    return ApiError(400, message, type="idempotency_error", before_execution=True)
