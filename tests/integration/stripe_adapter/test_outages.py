"""Networks and servers that fail, at every point of a call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from psp.errors import (
    MisconfiguredError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from psp.port import CancelPayment, PspStatus
from psp.stripe.client import StripeCaller
from psp.stripe.provider import StripeProvider
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import account_config, create_request, payment_intent

_GOOD = Answer(payment_intent())
_IN_USE = Answer({"error": {"code": "idempotency_key_in_use", "message": "m"}}, 409)
_LIMITED = Answer({"error": {"code": "lock_timeout", "message": "m"}}, 429)
_UNAUTHORISED = Answer({"error": {"message": "Invalid API Key provided: sk_test_****1"}}, 401)
_FAILED = Answer({"error": {"type": "api_error", "message": "m"}}, 500)
_STORED_FAILURE = Answer(_FAILED.body, 500, {"Stripe-Should-Retry": "false"})
_REFUSED = Answer({"error": {"code": "amount_too_small", "message": "m"}}, 400)

_NO_ANSWERS = {
    "drop": Answer(drop=True),
    "cut": Answer(payment_intent(), cut=True),
    "not-json": Answer(raw=b"<html>Bad gateway</html>"),
    "not-utf-8": Answer(raw=b'{"id": "\xff"}'),
    "not-an-object": Answer([1, 2]),
    "another-object": Answer({"id": "cus_1", "object": "customer"}),
    "empty": Answer(raw=b""),
    "redirect": Answer(status=302, headers={"Location": "/elsewhere"}),
    "error-text": Answer({"error": "invalid_client"}, 400),
    "error-list": Answer({"error": ["odd"]}, 400),
    "proxy-403": Answer(raw=b"Forbidden", status=403),
    "server-error": _FAILED,
    "server-error-html": Answer(raw=b"<html>", status=503),
    "in-use": _IN_USE,
}


@pytest.fixture(params=_NO_ANSWERS)
def no_answer(request: pytest.FixtureRequest) -> Answer:
    """Return each way in which no trustworthy answer comes."""
    return _NO_ANSWERS[str(request.param)]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port of this machine that refuses connections while the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_a_change_without_an_answer_is_unknown(
    script: ScriptedServer, provider: StripeProvider, no_answer: Answer
) -> None:
    """Whatever spoils the answer, the change may have happened; every try had the same key."""
    script.will_answer(no_answer, no_answer, no_answer)

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(create_request(idempotency_key="op-7"))

    assert [asked.idempotency_key for asked in script.asked] == ["op-7"] * 3


async def test_a_read_without_an_answer_is_unavailable(
    script: ScriptedServer, provider: StripeProvider, no_answer: Answer
) -> None:
    """A read cannot have changed anything."""
    script.will_answer(*[no_answer] * 6)

    with pytest.raises(UnavailableError):
        await provider.retrieve_payment("pi_1")


async def test_a_passing_trouble_is_not_noticed(
    script: ScriptedServer, provider: StripeProvider, no_answer: Answer
) -> None:
    """One bad moment is repaired under the same key, and the caller sees the answer only."""
    script.will_answer(no_answer, _GOOD)

    payment = await provider.create_payment(create_request(idempotency_key="op-7"))

    assert payment.psp_reference == "pi_1"
    assert [asked.idempotency_key for asked in script.asked] == ["op-7"] * 2
    assert script.asked[0].parameters == script.asked[1].parameters


async def test_a_stalled_change_is_unknown(script: ScriptedServer) -> None:
    """A server that never answers is not waited for, and may have acted."""
    config = account_config(
        api_base=script.address, read_timeout_s=0.2, total_timeout_s=10.0, max_network_retries=1
    )
    script.will_answer(Answer(stall=True), Answer(stall=True))
    provider = StripeProvider("stripe_fr", config)

    with pytest.raises(OutcomeUnknownError):
        await provider.cancel_payment(CancelPayment("pi_1", "op-7"))
    await provider.close()

    assert len(script.asked) >= 2


async def test_the_whole_call_is_bounded(script: ScriptedServer) -> None:
    """However many tries are allowed, the call ends within its time."""
    config = account_config(
        api_base=script.address, read_timeout_s=60.0, total_timeout_s=0.3, max_network_retries=5
    )
    script.will_answer(Answer(stall=True))
    provider = StripeProvider("stripe_fr", config)

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(create_request())
    await provider.close()

    assert len(script.asked) == 1


async def test_nobody_listening_is_not_sent(closed_port: int) -> None:
    """A refused connection surely changed nothing."""
    config = account_config(api_base=f"http://127.0.0.1:{closed_port}")
    provider = StripeProvider("stripe_fr", config)

    with pytest.raises(NotSentError):
        await provider.create_payment(create_request())
    with pytest.raises(NotSentError):
        await provider.retrieve_payment("pi_1")
    await provider.close()


async def test_an_unknown_host_is_not_sent() -> None:
    """A name that does not resolve surely changed nothing."""
    config = account_config(api_base="https://paygate-test.invalid", max_network_retries=0)
    provider = StripeProvider("stripe_fr", config)

    with pytest.raises(NotSentError):
        await provider.create_payment(create_request())
    await provider.close()


async def test_a_server_that_speaks_no_tls_is_not_sent(script: ScriptedServer) -> None:
    """A failed handshake comes before the request."""
    address = script.address.replace("http:", "https:")
    config = account_config(api_base=address, max_network_retries=0)
    provider = StripeProvider("stripe_fr", config)

    with pytest.raises(NotSentError):
        await provider.create_payment(create_request())
    await provider.close()

    assert script.asked == []


@pytest.mark.parametrize("later", [_LIMITED, _UNAUTHORISED], ids=["limited", "unauthorised"])
async def test_a_lost_answer_is_not_forgotten(
    script: ScriptedServer, provider: StripeProvider, later: Answer
) -> None:
    """A try that may have acted stays unknown, although a later one was turned away."""
    script.will_answer(Answer(drop=True), later, later)

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(create_request())


async def test_a_lost_answer_is_settled_by_a_refusal_under_the_key(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Had the first try acted, the key would have brought back its answer."""
    script.will_answer(Answer(drop=True), _REFUSED)

    with pytest.raises(RejectedError):
        await provider.create_payment(create_request())


async def test_a_key_in_use_is_waited_for(script: ScriptedServer, provider: StripeProvider) -> None:
    """While our own first try still runs, its answer is waited for."""
    script.will_answer(_IN_USE, _IN_USE, _GOOD)

    assert (await provider.create_payment(create_request())).status is PspStatus.AWAITING_CUSTOMER


async def test_a_stored_server_error_is_not_asked_for_again(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Stripe says when repeating would only replay its failure."""
    script.will_answer(_STORED_FAILURE, _GOOD)

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(create_request())

    assert len(script.asked) == 1


async def test_too_many_requests_did_nothing(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """After a bounded number of tries the caller learns how long to wait."""
    slow = Answer(_LIMITED.body, 429, {"Retry-After": "3600", "Request-Id": "req_9"})
    script.will_answer(_LIMITED, slow)

    with pytest.raises(RateLimitedError) as caught:
        await provider.create_payment(create_request())

    assert (
        caught.value.retry_after_s,
        caught.value.code,
        caught.value.request_reference,
    ) == (3600.0, "lock_timeout", "req_9")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_not_tried_twice(
    script: ScriptedServer, provider: StripeProvider, status: int
) -> None:
    """An operator has to act; the error shows no key."""
    script.will_answer(Answer(_UNAUTHORISED.body, status))

    with pytest.raises(MisconfiguredError) as caught:
        await provider.create_payment(create_request())

    assert "sk_test" not in str(caught.value)
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [400, 404])
async def test_a_key_used_for_something_else_is_unknown(
    script: ScriptedServer, provider: StripeProvider, status: int
) -> None:
    """What ran under the key before may be this very intent: only asking tells."""
    said = {"type": "idempotency_error", "message": "Keys can only be used once"}
    script.will_answer(Answer({"error": said}, status))

    with pytest.raises(OutcomeUnknownError) as caught:
        await provider.create_payment(create_request())

    assert caught.value.code == "idempotency_error"


async def test_a_refusal_whose_truth_cannot_be_read_is_unknown(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A cancel may have been done before: without an answer nobody knows."""
    script.will_answer(_REFUSED, *[_FAILED] * 3)

    with pytest.raises(OutcomeUnknownError):
        await provider.cancel_payment(CancelPayment("pi_1", "op-7"))


async def test_a_decline_that_cannot_be_read_is_unknown(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A decline of we know not what may be of another payment than ours."""
    said = {"type": "card_error", "code": "card_declined", "payment_intent": {"id": "pi_1"}}
    script.will_answer(Answer({"error": said}, 402))

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(create_request())


async def test_a_cancelled_caller_cancels_the_call(script: ScriptedServer) -> None:
    """Cancellation is passed on as it is; who must not be cancelled is shielded above."""
    provider = StripeProvider("stripe_fr", account_config(api_base=script.address))
    script.will_answer(Answer(stall=True))
    call = asyncio.create_task(provider.create_payment(create_request()))
    async with asyncio.timeout(10):
        while not script.asked:  # noqa: ASYNC110 - the scripted server rings no bell
            await asyncio.sleep(0.005)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await provider.close()


async def test_pauses_lie_between_tries(script: ScriptedServer) -> None:
    """Before each repetition there is a pause, longer each time."""
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)

    caller = StripeCaller(
        "stripe_fr", account_config(api_base=script.address), sleep=note, jitter=lambda: 1.0
    )

    with pytest.raises(UnavailableError):
        await caller.read("/v1/payment_intents/pi_1", {}, dict)
    await caller.close()

    assert pauses == [0.25, 0.5]
