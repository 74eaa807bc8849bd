"""The control endpoints over HTTP, as a demo in another process uses them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from psp.stripe.sandbox import StripeSandbox, serve_sandbox
from tests.integration.stripe_sandbox.support import SECRET, Receiver, Shop

JsonDict = dict[str, object]


class Control:
    """Posts JSON to the control endpoints."""

    def __init__(self, sandbox: StripeSandbox, session: aiohttp.ClientSession) -> None:
        self._base = f"{sandbox.address}/_sandbox"
        self._session = session

    async def call(self, method: str, path: str, **body: object) -> tuple[int, JsonDict]:
        """Return status and answer."""
        url = f"{self._base}/{path}"
        async with self._session.request(method, url, json=body or None) as answer:
            told: JsonDict = await answer.json()
            return answer.status, told

    async def post(self, path: str, **body: object) -> JsonDict:
        """Return the answer of a request that succeeds."""
        status, told = await self.call("POST", path, **body)
        assert status == 200, told
        return told

    async def get(self, path: str) -> JsonDict:
        """Return the answer of a request that succeeds."""
        status, told = await self.call("GET", path)
        assert status == 200, told
        return told


@pytest.fixture
def control(sandbox: StripeSandbox, session: aiohttp.ClientSession) -> Control:
    """Return the control endpoints of the running sandbox."""
    return Control(sandbox, session)


async def test_a_shopper_pays_with_three_d_secure(shop: Shop, control: Control) -> None:
    """Confirm and authenticate, with the client secret and the publishable key."""
    created = await shop.create()
    page = {"client_secret": created.client_secret, "publishable_key": "pk_test_shop"}

    asked = await control.post(
        "browser/confirm", **page, payment_method="pm_card_authenticationRequired"
    )
    paid = await control.post("browser/authenticate", **page, outcome="succeed")

    assert (asked["status"], paid["status"]) == ("requires_action", "succeeded")


async def test_a_page_sees_its_decline(shop: Shop, control: Control) -> None:
    """Stripe.js is told the error as the API tells it."""
    created = await shop.create()

    status, told = await control.call(
        "POST",
        "browser/confirm",
        client_secret=created.client_secret,
        payment_method="pm_card_visa_chargeDeclined",
    )

    error = told["error"]
    assert isinstance(error, dict)
    assert (status, error["decline_code"]) == (402, "generic_decline")


async def test_webhooks_are_directed(shop: Shop, control: Control, receiver: Receiver) -> None:
    """Register, hold, look, release in another order with copies, settle, drop, roll, remove."""
    endpoint = (await control.post("webhooks", url=receiver.url, secret=SECRET))["id"]
    await control.post("webhooks/hold")
    await shop.confirmed()
    held = await control.get("webhooks/held")
    await control.post("webhooks/release", order=["reversed"], copies=2)
    await control.post("webhooks/settle")

    data, attempts = held["data"], (await control.get("webhooks/attempts"))["data"]
    assert isinstance(data, list)
    assert isinstance(attempts, list)
    expected = [event["type"] for event in reversed(data) for _ in range(2)]
    assert receiver.types() == expected
    assert [attempt["event_type"] for attempt in attempts] == expected

    await control.post(f"webhooks/{endpoint}/roll", secret="whsec_second")
    await control.post("webhooks/drop", event_type="*", count=1)
    await shop.create()
    await shop.create()
    await control.post("webhooks/settle")
    assert len(receiver.requests) == len(expected) + 1
    assert await control.call("DELETE", f"webhooks/{endpoint}") == (200, {})
    assert (await control.call("DELETE", f"webhooks/{endpoint}"))[0] == 404


async def test_faults_clock_reviews_statuses_and_books(shop: Shop, control: Control) -> None:
    """Everything else that a test needs to do or to know."""
    await control.post("faults", kind="error_before", count=5)
    assert (await control.call("DELETE", "faults"))[0] == 200
    held = await shop.confirmed(capture_method="manual")
    paid = await shop.confirmed()
    odd = await shop.create()

    review = (await control.post("reviews", payment_intent=paid.id))["id"]
    await control.post(f"reviews/{review}/close", reason="approved")
    await control.post(f"payment_intents/{odd.id}/status", status="expired")
    await control.post("clock", advance_s=8 * 86_400)

    accounts = (await control.get("books"))["accounts"]
    assert isinstance(accounts, list)
    account = accounts[0]
    payments = {payment["id"]: payment for payment in account["payment_intents"]}
    assert payments[held.id]["status"] == "canceled"
    assert payments[odd.id]["status"] == "expired"
    assert (payments[paid.id]["captures"], payments[paid.id]["taken"]) == (1, 2000)
    assert (account["taken"], account["open_reviews"]) == ({"eur": 2000}, [])

    await control.post("reset")
    assert (await control.get("books"))["accounts"] == []


@pytest.mark.parametrize(
    "path, body, param",
    [
        ("faults", {"kind": "earthquake"}, "kind"),
        ("faults", {"kind": "drop_after", "count": "2"}, "count"),
        ("faults", {"kind": "drop_after", "cuont": 2}, "cuont"),
        ("webhooks", {"url": "http://127.0.0.1"}, "secret"),
        ("webhooks/release", {"order": "reversed"}, "order"),
        ("clock", {"advance_s": -1}, "advance_s"),
        ("browser/authenticate", {"client_secret": "x", "outcome": "maybe"}, "outcome"),
    ],
)
async def test_wrong_orders_are_refused(
    control: Control, path: str, body: JsonDict, param: str
) -> None:
    """A mistaken test is told so."""
    status, told = await control.call("POST", path, **body)

    error = told["error"]
    assert isinstance(error, dict)
    assert (status, error["param"]) == (400, param)


async def test_serving_until_stopped(session: aiohttp.ClientSession) -> None:
    """The command serves until it is cancelled, and says when it is ready."""
    ready: asyncio.Queue[StripeSandbox] = asyncio.Queue()
    serving = asyncio.create_task(serve_sandbox("127.0.0.1", 0, ready.put_nowait))

    sandbox = await ready.get()
    assert await Control(sandbox, session).get("books") == {"accounts": []}

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(aiohttp.ClientConnectionError):
        await Control(sandbox, session).get("books")
