"""Every exception named, and every name translated."""

from __future__ import annotations

import json
from collections.abc import Iterator

import aiohttp
import pytest
import stripe
from stripe.oauth_error import OAuthError

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from psp.stripe.errors import MAY_HAVE_ACTED, DeclinedError, psp_error
from psp.stripe.problems import Problem, ProblemKind, problem_of
from psp.stripe.retries import REPEATABLE
from psp.stripe.transport import TransportError

K = ProblemKind


def _subclasses(base: type[stripe.StripeError]) -> Iterator[type[stripe.StripeError]]:
    yield base
    for subclass in base.__subclasses__():
        yield from _subclasses(subclass)


_ALL_CLASSES = sorted(
    set(_subclasses(stripe.StripeError)) - {TransportError}, key=lambda each: each.__name__
)

# Classes that only the API v2, OAuth or the SDK's own webhook check raise say nothing by
# themselves: with no status they prove nothing.
_KINDS = {
    stripe.AuthenticationError: K.MISCONFIGURED,
    stripe.CardError: K.DECLINED,
    stripe.IdempotencyError: K.KEY_REUSED,
    stripe.InvalidRequestError: K.REFUSED,
    stripe.PermissionError: K.MISCONFIGURED,
    stripe.RateLimitError: K.RATE_LIMITED,
}


def _raised(error_class: type[stripe.StripeError]) -> stripe.StripeError:
    """Return an exception of the class as it is before anybody filled it."""
    error = error_class.__new__(error_class)
    stripe.StripeError.__init__(error, "words")
    return error


@pytest.mark.parametrize("error_class", _ALL_CLASSES, ids=lambda each: each.__name__)
def test_every_class_of_the_sdk_is_named(error_class: type[stripe.StripeError]) -> None:
    """No class of the SDK's exceptions is left to chance."""
    problem = problem_of(_raised(error_class))

    assert _KINDS.get(error_class, K.NO_ANSWER) == problem.kind


def test_the_list_of_classes_is_the_real_one() -> None:
    """The test above sees the SDK's own classes, those of OAuth among them."""
    assert {stripe.CardError, stripe.APIError, OAuthError} <= set(_ALL_CLASSES)


_STATUSES = [None, 200, 302, 400, 401, 402, 404, 409, 429, 500, 503]


@pytest.mark.parametrize("error_class", _ALL_CLASSES, ids=lambda each: each.__name__)
def test_the_translation_is_total(error_class: type[stripe.StripeError]) -> None:
    """Whatever the SDK raises with whatever status becomes one of the port's errors."""
    for status in _STATUSES:
        error = _raised(error_class)
        error.http_status = status

        of_a_change = psp_error("stripe_fr", problem_of(error), change=True)
        of_a_read = psp_error("stripe_fr", problem_of(error), change=False)

        assert isinstance(of_a_change, PspError)
        assert isinstance(of_a_read, PspError)
        assert not isinstance(of_a_read, OutcomeUnknownError)


def _api_error(status: int | None, error: object = None, **headers: str) -> stripe.APIError:
    body = None if error is None else {"error": error}
    return stripe.APIError("words", json.dumps(body), status, body, headers)


@pytest.mark.parametrize(
    "error,kind",
    [
        (_api_error(409, {"code": "idempotency_key_in_use"}), K.IN_PROGRESS),
        (_api_error(500, {"type": "api_error"}), K.SERVER_ERROR),
        (_api_error(503), K.SERVER_ERROR),
        (_api_error(429), K.RATE_LIMITED),
        (_api_error(405, {"message": "no"}), K.REFUSED),
        (_api_error(413, {"message": "no"}), K.REFUSED),
        (_api_error(408, {"message": "slow"}), K.NO_ANSWER),
        (_api_error(403), K.NO_ANSWER),
        (_api_error(400), K.NO_ANSWER),
        (_api_error(302), K.NO_ANSWER),
        (_api_error(200), K.NO_ANSWER),
        (_api_error(None), K.NO_ANSWER),
        (TransportError("refused", sent=False), K.NOT_SENT),
        (TransportError("dropped", sent=True), K.NO_ANSWER),
        (aiohttp.ClientPayloadError(), K.NO_ANSWER),
        (aiohttp.ServerDisconnectedError(), K.NO_ANSWER),
        (TimeoutError(), K.NO_ANSWER),
        (json.JSONDecodeError("x", "y", 0), K.NO_ANSWER),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), K.NO_ANSWER),
        (AttributeError("the SDK stumbled"), K.NO_ANSWER),
        (OSError(), K.NO_ANSWER),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_an_error_class_is_named_by_what_it_proves(
    error: Exception, kind: ProblemKind
) -> None:
    """Statuses and foreign exceptions prove what they prove, and no more."""
    assert kind == problem_of(error).kind


def _invalid(
    code: str | None, status: int = 400, param: str | None = None
) -> stripe.InvalidRequestError:
    words = "No such thing: 'x'"
    said = {"type": "invalid_request_error", "code": code, "message": words, "param": param}
    headers = {"request-id": "req_1"}
    return stripe.InvalidRequestError(  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        "words", "param", code, "", status, {"error": said}, headers
    )


@pytest.mark.parametrize(
    "code,status,kind",
    [
        ("resource_missing", 404, K.NOT_FOUND),
        ("resource_missing", 400, K.NOT_FOUND),
        (None, 404, K.REFUSED),
        ("amount_too_large", 400, K.REFUSED),
        ("payment_intent_unexpected_state", 400, K.REFUSED),
        ("testmode_charges_only", 400, K.MISCONFIGURED),
        ("secret_key_required", 400, K.MISCONFIGURED),
    ],
)
def test_a_refusal_is_told_apart_by_its_code(
    code: str | None, status: int, kind: ProblemKind
) -> None:
    """An object is "not found" only where Stripe says that it is missing."""
    problem = problem_of(_invalid(code, status))

    assert (kind, code or "", "req_1") == (problem.kind, problem.code, problem.request_reference)
    assert problem.detail == f"HTTP {status}: No such thing: 'x'"


@pytest.mark.parametrize(
    "code, param, expected",
    [
        (None, "amount", "amount_invalid"),
        (None, "payment_method", "payment_method_invalid"),
        ("amount_too_large", "amount", "amount_too_large"),
        (None, None, ""),
    ],
)
def test_a_refusal_without_a_code_is_named_by_its_parameter(
    code: str | None, param: str | None, expected: str
) -> None:
    """Stripe tells a refund of more than is left by its parameter only."""
    assert problem_of(_invalid(code, param=param)).code == expected


def test_headers_advise() -> None:
    """Stripe's advice on retries and pauses is heard."""
    headers = {"retry-after": "7", "stripe-should-retry": "false", "request-id": "req_9"}
    problem = problem_of(_api_error(500, {"message": "m"}, **headers))

    assert (
        problem.retry_after_s,
        problem.retry_advised,
        problem.request_reference,
    ) == (7.0, False, "req_9")


@pytest.mark.parametrize("value", ["", "soon", "-1", "9" * 30, "1e9", "²"])
def test_an_odd_retry_after_is_no_advice(value: str) -> None:
    """A pause we cannot read is not waited for."""
    assert problem_of(_api_error(429, **{"retry-after": value})).retry_after_s is None


_EXPECTED = {
    K.NOT_SENT: (NotSentError, NotSentError),
    K.NO_ANSWER: (OutcomeUnknownError, UnavailableError),
    K.SERVER_ERROR: (OutcomeUnknownError, UnavailableError),
    K.IN_PROGRESS: (OutcomeUnknownError, UnavailableError),
    K.RATE_LIMITED: (RateLimitedError, RateLimitedError),
    K.DECLINED: (DeclinedError, DeclinedError),
    K.REFUSED: (RejectedError, RejectedError),
    K.NOT_FOUND: (NotFoundError, NotFoundError),
    K.KEY_REUSED: (OutcomeUnknownError, UnavailableError),
    K.MISCONFIGURED: (MisconfiguredError, MisconfiguredError),
}


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_each_kind_has_its_error(kind: ProblemKind) -> None:
    """A change whose answer is missing may have happened; a read cannot have."""
    problem = Problem(kind, "detail", "code", "req_1")

    errors = [psp_error("stripe_fr", problem, change=change) for change in (True, False)]

    assert _EXPECTED[kind] == tuple(type(error) for error in errors)
    for error in errors:
        assert (
            error.account,
            error.detail,
            error.code,
            error.request_reference,
        ) == ("stripe_fr", "detail", "code", "req_1")


@pytest.mark.parametrize(
    "kind,expected",
    [
        (K.NOT_SENT, OutcomeUnknownError),
        (K.RATE_LIMITED, OutcomeUnknownError),
        (K.MISCONFIGURED, OutcomeUnknownError),
        (K.NO_ANSWER, OutcomeUnknownError),
        (K.REFUSED, RejectedError),
        (K.DECLINED, DeclinedError),
        (K.NOT_FOUND, NotFoundError),
    ],
)
def test_after_a_lost_answer_only_an_answer_under_the_key_settles(
    kind: ProblemKind, expected: type[PspError]
) -> None:
    """An attempt that may have acted is not undone by a later one that never got in."""
    error = psp_error("stripe_fr", Problem(kind, "detail"), change=True, tried_before=True)

    assert type(error) is expected


def test_what_may_have_acted_is_repeated_under_its_key() -> None:
    """Nothing that may have acted is left without another try."""
    assert MAY_HAVE_ACTED <= REPEATABLE
