"""The hosted page: a shopper's browser pays, is asked, is declined, gives up."""

from __future__ import annotations

import logging

import pytest

from psp.ogone.sandbox import TEST_CARDS, OgoneSandbox
from tests.integration.ogone_sandbox.support import VISA, Receiver, Shop, is_genuine


@pytest.mark.parametrize(
    "card, page, status, ncerror",
    [
        (VISA, "accept", "5", "0"),
        ("5399999999999999", "accept", "5", "0"),
        ("4000000000007726", "accept", "51", "0"),
        ("4000000000009987", "decline", "2", "30001001"),
        ("4000000000000119", "decline", "2", "30051001"),
        ("4000000000009995", "decline", "2", "30511001"),
        ("4000000000000069", "decline", "2", "30331001"),
        ("4000000000000002", "accept", "5", "0"),
        ("4000008260003178", "decline", "2", "30511001"),
        ("4000000000000341", "exception", "52", "20001001"),
        ("4000000000000259", "exception", "52", "20001001"),
    ],
)
async def test_a_shopper_is_sent_back_with_signed_feedback(
    shop: Shop, sandbox: OgoneSandbox, card: str, page: str, status: str, ncerror: str
) -> None:
    """By 303 to the address for what became of it."""
    landing = await sandbox.pay(shop.form(CN="Jörg Müller"), card)

    told = landing.parameters
    assert landing.status == 303
    assert landing.url.startswith(f"https://shop.example/{page}?")
    assert (told["STATUS"], told["NCERROR"], told["orderID"]) == (status, ncerror, "order-1")
    assert (told["amount"], told["currency"], told["CARDNO"][-4:]) == ("20", "EUR", card[-4:])
    assert is_genuine(told)
    assert (await shop.query(ORDERID="order-1"))["PAYID"] == told["PAYID"]


async def test_a_sale_takes_the_money(shop: Shop, sandbox: OgoneSandbox) -> None:
    """OPERATION=SAL ends in 9."""
    landing = await sandbox.pay(shop.form(OPERATION="SAL"))

    assert (landing.parameters["STATUS"], shop.taken()) == ("9", {"EUR": 2000})


@pytest.mark.parametrize("card, after", [("4000000000000341", 9), ("4000000000000259", 93)])
async def test_an_uncertain_outcome_is_known_in_a_working_day(
    shop: Shop, sandbox: OgoneSandbox, card: str, after: int
) -> None:
    """92 until then; the truth was what it was all along."""
    await sandbox.pay(shop.form(OPERATION="SAL"), card)
    sandbox.advance_clock(86_399)
    assert (await shop.query(ORDERID="order-1"))["STATUS"] == "92"
    taken = shop.taken()

    sandbox.advance_clock(1)

    assert (await shop.query(ORDERID="order-1"))["STATUS"] == str(after)
    assert shop.taken() == taken == {"EUR": 2000 if after == 9 else 0}


async def test_a_shopper_cancels(shop: Shop, sandbox: OgoneSandbox, receiver: Receiver) -> None:
    """Status 1, and the merchant is told."""
    landing = await sandbox.pay(shop.form(), decision="cancel")
    await sandbox.settle()

    assert landing.url.startswith("https://shop.example/cancel?")
    assert (landing.parameters["STATUS"], receiver.steps()) == ("1", [("0", "1")])


async def test_a_bank_that_is_refused(shop: Shop, sandbox: OgoneSandbox) -> None:
    """3-D Secure that fails is a decline."""
    landing = await sandbox.pay(shop.form(), "4000000000000002", bank="refuse")

    assert landing.url.startswith("https://shop.example/decline?")
    assert (landing.parameters["STATUS"], landing.parameters["NCERROR"]) == ("2", "40001134")


async def test_the_page_shows_the_order_and_nothing_raw(shop: Shop) -> None:
    """Amount, currency, order; what the form brought is escaped."""
    form = shop.form(CN='"><script>x</script>')

    async with shop.session.post(shop.url("orderstandard_utf8"), data=form) as response:
        page = await response.text()

    assert response.content_type == "text/html"
    assert "<b>order-1</b>" in page
    assert "<b>20 EUR</b>" in page
    assert 'value="pay"' in page
    assert 'value="cancel"' in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    "change, text",
    [
        ({"SHASIGN": "0" * 128}, "unknown order/1/s"),
        ({"SHASIGN": ""}, "unknown order/0/s"),
        ({"AMOUNT": "1"}, "unknown order/1/s"),
        ({"PSPID": "<other>"}, "&lt;other&gt;"),
    ],
)
async def test_a_form_that_was_changed_is_refused(
    shop: Shop, change: dict[str, str], text: str
) -> None:
    """No page to pay on, and nothing in the books."""
    form = {**shop.form(), **change}

    async with shop.session.post(shop.url("orderstandard_utf8"), data=form) as response:
        page = await response.text()

    assert response.status == 400
    assert text in page
    assert "<form" not in page
    assert shop.payments() == []


async def test_a_form_that_cannot_be_is_refused(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Signed rightly, and too long an ORDERID all the same."""
    landing = await sandbox.pay(shop.form("o" * 31))

    assert (landing.status, landing.url) == (400, "")
    assert "50001111: ORDERID" in landing.html


async def test_what_is_mistyped_is_asked_for_again(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """It costs no try, and nobody is told."""
    landing = await sandbox.pay(shop.form(), "4012888888881881")
    await sandbox.settle()

    assert (landing.status, landing.url) == (200, "")
    assert "none of the sandbox&#x27;s test cards" in landing.html
    assert "4012888888881881" not in landing.html
    assert (shop.payments(), receiver.told) == ([], [])


async def test_nobody_is_told_of_a_decline_while_tries_are_left(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """The page asks again; the last decline is told, and sends the shopper back."""
    shop.register(notification_url=receiver.url, attempts=2)
    form = shop.form()

    again = await sandbox.pay(form, "4000000000009995")
    await sandbox.settle()
    assert (again.url, receiver.told) == ("", [])
    assert "INSUFFICIENT FUNDS" in again.html

    action = again.html.partition('action="')[2].partition('"')[0]
    typed = {"cardno": "4000000000009995", "expiry": "1230", "cvc": "123", "decision": "pay"}
    async with shop.session.post(action, data=typed, allow_redirects=False) as response:
        assert response.headers["Location"].startswith("https://shop.example/decline?")
    await sandbox.settle()
    assert receiver.steps() == [("0", "2")]


async def test_a_declined_order_can_be_tried_again(shop: Shop, sandbox: OgoneSandbox) -> None:
    """With the same ORDERID, until it is paid."""
    declined = await sandbox.pay(shop.form(), "4000000000009987")

    paid = await sandbox.pay(shop.form())
    third = await sandbox.pay(shop.form())

    assert paid.parameters["PAYID"] != declined.parameters["PAYID"]
    assert (await shop.query(ORDERID="order-1"))["PAYID"] == paid.parameters["PAYID"]
    assert "50001113" in third.html


async def test_two_windows_pay_once(shop: Shop) -> None:
    """Both were open; the second is told, and a reload leads to the same place."""
    actions = []
    for _ in range(2):
        async with shop.session.post(shop.url("orderstandard_utf8"), data=shop.form()) as response:
            page = await response.text()
        actions.append(page.partition('action="')[2].partition('"')[0])
    typed = {"cardno": VISA, "expiry": "1230", "cvc": "123", "decision": "pay"}

    async def decide(action: str, decision: str = "pay") -> str:
        form = {**typed, "decision": decision}
        async with shop.session.post(action, data=form, allow_redirects=False) as response:
            return response.headers.get("Location", "")

    first, reloaded = await decide(actions[0]), await decide(actions[0])
    late = [await decide(actions[1]), await decide(actions[1], "cancel")]

    assert first.startswith("https://shop.example/accept?")
    assert [reloaded, await decide(actions[0], "cancel")] == [first, first]
    assert late == ["", ""]
    assert len(shop.payments()) == 1


async def test_a_question_left_open_does_not_pay_a_second_time(
    shop: Shop, sandbox: OgoneSandbox
) -> None:
    """Paid in another window while the bank asked: the question leads nowhere."""
    async with shop.session.post(shop.url("orderstandard_utf8"), data=shop.form()) as response:
        page = await response.text()
    action = page.partition('action="')[2].partition('"')[0]
    typed = {"cardno": "4000000000000002", "expiry": "1230", "cvc": "123", "decision": "pay"}
    async with shop.session.post(action, data=typed, allow_redirects=False) as response:
        question = response.headers["Location"]
    await sandbox.pay(shop.form())

    async with shop.session.post(question, data={"decision": "confirm"}) as response:
        assert "paid by another attempt" in await response.text()

    assert [payment["status"] for payment in shop.payments()] == [46, 5]


@pytest.mark.parametrize("card, status", [(VISA, "5"), ("4000000000009987", "2")])
async def test_an_alias_is_made_on_the_page(
    shop: Shop, sandbox: OgoneSandbox, card: str, status: str
) -> None:
    """Also by a declined payment; DirectLink charges it, and the page knows it."""
    made = await sandbox.pay(shop.form(ALIAS="alias-1", ALIASUSAGE="Next time"), card)
    direct = await shop.order("order-2", ALIAS="alias-1", ECI="9")
    page = await sandbox.pay(shop.form("order-3", ALIAS="alias-1"), "")

    assert [made.parameters["ALIAS"], direct["ALIAS"]] == ["alias-1"] * 2
    assert [made.parameters["STATUS"], direct["STATUS"], page.parameters["STATUS"]] == [status] * 3
    assert sandbox.books()[0]["aliases"] == [
        {
            "alias": "alias-1",
            "usage": "Next time",
            "card": made.parameters["CARDNO"],
            "brand": "VISA",
            "expiry": "1230",
        }
    ]


async def test_only_the_brand_that_was_asked_for(shop: Shop, sandbox: OgoneSandbox) -> None:
    """BRAND keeps other cards away."""
    form = shop.form(PM="CreditCard", BRAND="BCMC")

    assert "only BCMC" in (await sandbox.pay(form)).html
    assert (await sandbox.pay(form, "6703444444444449")).parameters["BRAND"] == "BCMC"


async def test_what_the_merchant_adds_comes_back(shop: Shop, sandbox: OgoneSandbox) -> None:
    """COMPLUS is signed, PARAMPLUS is not, and the address keeps its own query."""
    form = shop.form(
        COMPLUS="a word", PARAMPLUS="basket=7&STATUS=9", ACCEPTURL="https://shop.example/?id=3"
    )

    told = (await sandbox.pay(form)).parameters

    assert (told["id"], told["basket"], told["COMPLUS"], told["STATUS"]) == (
        "3",
        "7",
        "a word",
        "5",
    )
    assert is_genuine({name: value for name, value in told.items() if name != "id"})


async def test_without_an_address_the_shopper_stays(shop: Shop, sandbox: OgoneSandbox) -> None:
    """The page says what became of it."""
    landing = await sandbox.pay(shop.form(ACCEPTURL=""))

    assert (landing.status, landing.url) == (200, "")
    assert "Authorised." in landing.html


async def test_card_numbers_are_nowhere(
    shop: Shop, sandbox: OgoneSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in books, held notifications, aliases or logs."""
    caplog.set_level(logging.DEBUG)
    shop.register(notification_url="http://127.0.0.1:1/")
    sandbox.notifications.hold()
    for number in TEST_CARDS:
        await sandbox.pay(
            shop.form(f"h-{number[-6:]}-{number[0]}", ALIAS=f"a{number[-6:]}"), number
        )
        await shop.order(f"d-{number[-6:]}-{number[0]}", CARDNO=number)

    seen = f"{sandbox.books()} {sandbox.notifications.held()} {caplog.text}"

    assert len(shop.payments()) == 2 * len(TEST_CARDS)
    assert not [number for number in TEST_CARDS if number in seen]


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/ncol/test/orderdirect.asp", 405),
        ("GET", "/ncol/test/orderstandard_utf8.asp", 405),
        ("POST", "/ncol/demo/orderdirect.asp", 404),
        ("POST", "/ncol/test/nosuchpage.asp", 404),
        ("GET", "/ncol/test/pay/never", 404),
        ("PUT", "/", 404),
        ("POST", "/ncol/prod/querydirect_utf8.asp", 200),
    ],
)
async def test_which_pages_there_are(shop: Shop, method: str, path: str, status: int) -> None:
    """Test and production, plain and UTF-8; forms are posted."""
    async with shop.session.request(method, f"{shop.sandbox.address}{path}") as response:
        assert response.status == status
