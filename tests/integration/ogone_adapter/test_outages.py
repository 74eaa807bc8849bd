"""Networks and servers that fail, and the time that is taken for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from psp.errors import (
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    UnavailableError,
)
from psp.money import Money
from psp.ogone.client import MAINTENANCE, OgoneCaller
from psp.ogone.provider import OgoneProvider
from psp.port import CapturePayment, PspStatus
from tests.integration.ogone_adapter.support import said
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.ogone.support import PAYMENT_ID, account_config, off_session

_NO_ANSWERS = {
    "drop": Answer(drop=True),
    "cut": Answer(raw=b'<ncresponse STATUS="5"/>', cut=True),
    "html": Answer(raw=b"<html>Bad gateway</html>"),
    "entity": Answer(raw=b'<!DOCTYPE x [<!ENTITY a "5">]><ncresponse STATUS="&a;"/>'),
    "empty": Answer(raw=b""),
    "huge": Answer(raw=b'<ncresponse STATUS="5"/>' + b" " * 1024 * 1024),
    "redirect": Answer(raw=b"", status=302, headers={"Location": "/elsewhere"}),
    "forbidden": Answer(raw=b"Forbidden", status=403),
    "server-error": Answer(raw=b"<html>", status=500),
    "unavailable": Answer(raw=b"<html>", status=503),
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


class _Sleeper:
    """Remembers how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    async def __call__(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)


async def test_a_charge_without_an_answer_is_unknown_and_sent_once(
    script: ScriptedServer, provider: OgoneProvider, no_answer: Answer
) -> None:
    """Whatever spoils the answer."""
    script.will_answer(no_answer, said("5"))

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())

    assert len(script.asked) == 1


async def test_a_query_without_an_answer_is_unavailable(
    script: ScriptedServer, provider: OgoneProvider, no_answer: Answer
) -> None:
    """After its second try: a read cannot have changed anything."""
    script.will_answer(no_answer, no_answer, said("5"))

    with pytest.raises(UnavailableError):
        await provider.retrieve_payment(PAYMENT_ID)

    assert len(script.asked) == 2


async def test_a_query_is_repeated_after_the_pause(
    script: ScriptedServer, no_answer: Answer
) -> None:
    """DirectLink guide: every 30 seconds, not sooner."""
    sleeper = _Sleeper()
    config = account_config(
        api_base=script.address, query_pause_s=30.0, max_query_retries=5, total_timeout_s=100.0
    )
    caller = OgoneCaller("ogone_be", config, sleep=sleeper)
    script.will_answer(no_answer, no_answer, said("5"))

    answer = await caller.query({"ORDERID": PAYMENT_ID}, caller.deadline_s())
    await caller.close()

    assert answer.status == "5"
    assert sleeper.pauses_s == [30.0, 30.0]


async def test_a_pause_that_does_not_fit_is_not_made(script: ScriptedServer) -> None:
    """The caller gets its answer inside the time that it was promised."""
    sleeper = _Sleeper()
    config = account_config(api_base=script.address, query_pause_s=30.0, total_timeout_s=20.0)
    caller = OgoneCaller("ogone_be", config, sleep=sleeper)
    script.will_answer(Answer(drop=True))

    with pytest.raises(UnavailableError):
        await caller.query({"ORDERID": PAYMENT_ID}, caller.deadline_s())
    await caller.close()

    assert sleeper.pauses_s == []


async def test_too_many_requests_did_nothing(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """A change is not repeated; whoever asked learns how long to wait."""
    script.will_answer(Answer(status=429, headers={"Retry-After": "7"}))

    with pytest.raises(RateLimitedError) as caught:
        await provider.create_payment(off_session())

    assert caught.value.retry_after_s == 7.0
    assert len(script.asked) == 1


@pytest.mark.parametrize("wish", ["soon", "-1", "", "99999", "1" * 30])
async def test_an_odd_wish_is_not_followed(
    script: ScriptedServer, provider: OgoneProvider, wish: str
) -> None:
    """Seconds, within reason."""
    script.will_answer(Answer(status=429, headers={"Retry-After": wish}))

    with pytest.raises(RateLimitedError) as caught:
        await provider.create_payment(off_session())

    assert caught.value.retry_after_s == 1.0


async def test_a_stalled_change_is_unknown(script: ScriptedServer) -> None:
    """A server that never answers is not waited for, and may have acted."""
    config = account_config(api_base=script.address, read_timeout_s=0.2)
    script.will_answer(Answer(stall=True))
    provider = OgoneProvider("ogone_be", config)

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())
    await provider.close()


async def test_a_stalled_query_is_unavailable(script: ScriptedServer) -> None:
    """However many tries are allowed, the call ends within its time."""
    config = account_config(
        api_base=script.address, query_timeout_s=60.0, total_timeout_s=0.3, max_query_retries=5
    )
    script.will_answer(Answer(stall=True))
    provider = OgoneProvider("ogone_be", config)

    with pytest.raises(UnavailableError):
        await provider.retrieve_payment(PAYMENT_ID)
    await provider.close()

    assert len(script.asked) == 1


async def test_what_could_not_be_waited_for_is_not_begun(
    script: ScriptedServer,
) -> None:
    """The queries took the time: the change was surely not sent."""
    config = account_config(api_base=script.address, read_timeout_s=10.0)
    caller = OgoneCaller("ogone_be", config)
    soon_s = asyncio.get_running_loop().time() + 9.0

    with pytest.raises(NotSentError):
        await caller.change(MAINTENANCE, {"PAYID": "1"}, soon_s)
    await caller.close()

    assert script.asked == []


async def test_nobody_listening_is_not_sent(closed_port: int) -> None:
    """A refused connection surely changed nothing, for every call."""
    config = account_config(api_base=f"http://127.0.0.1:{closed_port}", max_query_retries=0)
    provider = OgoneProvider("ogone_be", config)
    capture = CapturePayment(PAYMENT_ID, Money(1, "EUR"), "k")

    for call in (
        provider.create_payment(off_session()),
        provider.retrieve_payment(PAYMENT_ID),
        provider.capture_payment(capture),
    ):
        with pytest.raises(NotSentError):
            await call
    await provider.close()


async def test_a_server_that_speaks_no_tls_is_not_sent(script: ScriptedServer) -> None:
    """A failed handshake comes before the request."""
    address = script.address.replace("http:", "https:")
    provider = OgoneProvider("ogone_be", account_config(api_base=address))

    with pytest.raises(NotSentError):
        await provider.create_payment(off_session())
    await provider.close()

    assert script.asked == []


async def test_no_error_shows_a_secret(
    script: ScriptedServer, provider: OgoneProvider, no_answer: Answer
) -> None:
    """Not the password, not a passphrase, not in the chain of causes either."""
    script.will_answer(no_answer)

    with pytest.raises(PspError) as caught:
        await provider.create_payment(off_session())

    error: BaseException | None = caught.value
    while error is not None:
        assert "topsecret" not in repr(error)
        error = error.__cause__ or error.__context__


async def test_a_passing_trouble_of_a_query_is_not_noticed(
    script: ScriptedServer, provider: OgoneProvider, no_answer: Answer
) -> None:
    """The second try is the answer."""
    script.will_answer(no_answer, said("5"))

    assert (await provider.retrieve_payment(PAYMENT_ID)).status is PspStatus.AUTHORIZED
