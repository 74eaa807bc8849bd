"""What travels between the adapter and Ogone when a payment begins, and when it is asked about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.ogone.signing import sign
from psp.port import (
    CancelPayment,
    CapturePayment,
    CapturePolicy,
    CustomerProfile,
    FailureCategory,
    NextActionKind,
    PaymentMethod,
    PspStatus,
)
from tests.integration.ogone_adapter.support import UNKNOWN, history, pages, said
from tests.support.scripted_http import ScriptedServer
from tests.unit.psp.ogone.support import (
    PAYID,
    PAYMENT_ID,
    account_config,
    create_request,
    notification,
    off_session,
    signed_body,
)

_TO = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
_FROM = _TO - timedelta(hours=1)

# ---------------------------------------------------------------- with the shopper


@pytest.mark.parametrize("psp_alias", ["", "als_old"])
async def test_a_payment_begins_without_a_call(
    script: ScriptedServer, provider: OgoneProvider, psp_alias: str
) -> None:
    """The shopper's browser is Ogone's first word of it: a form, ready to be sent."""
    payment = await provider.create_payment(create_request(psp_alias=psp_alias))

    assert script.asked == []
    assert (payment.status, payment.raw_status) == (PspStatus.AWAITING_CUSTOMER, "")
    assert (payment.psp_reference, payment.payment_id) == (PAYMENT_ID, PAYMENT_ID)
    assert (payment.amount_minor, payment.authorized_minor) == (1234, 0)
    action = payment.next_action
    assert action is not None
    assert action.kind is NextActionKind.POST_FORM
    assert action.url == f"{account_config().page_base}/orderstandard_utf8.asp"
    fields = dict(action.fields)
    assert fields.pop("SHASIGN") == sign(fields, "topsecret-ecommerce", "sha512")
    assert fields.get("ALIAS", "") == psp_alias


async def test_the_form_is_made_anew(script: ScriptedServer, provider: OgoneProvider) -> None:
    """It is stored nowhere, and the same each time."""
    request = create_request(save_alias=True, return_url="https://shop.example/back")
    payment = await provider.create_payment(request)

    assert await provider.next_action(request, PAYMENT_ID) == payment.next_action
    assert await provider.next_action(off_session(), PAYMENT_ID) is None
    with pytest.raises(NotFoundError):
        await provider.next_action(request, "pay_another")
    assert script.asked == []


# ---------------------------------------------------------------- without the shopper


async def test_an_alias_is_charged_by_directlink(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Signed as DirectLink's passphrase signs, by its user, once."""
    script.will_answer(said("5"))

    payment = await provider.create_payment(off_session())

    (asked,) = script.asked
    assert (asked.method, asked.path) == ("POST", "/orderdirect_utf8.asp")
    assert asked.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    sent = dict(asked.parameters)
    assert sent.pop("SHASIGN") == sign(sent, "topsecret-directlink", "sha512")
    assert (sent["PSPID"], sent["USERID"], sent["PSWD"]) == (
        "PaygateTest",
        "paygate_api",
        "topsecret-password",
    )
    assert (sent["ORDERID"], sent["ALIAS"], sent["ECI"]) == (PAYMENT_ID, "als_1", "9")
    assert (payment.status, payment.authorized_minor) == (PspStatus.AUTHORIZED, 1234)
    assert payment.psp_reference == PAYMENT_ID


@pytest.mark.parametrize(
    "status,expected,captured",
    [
        ("9", PspStatus.CAPTURED, 1234),
        ("91", PspStatus.PROCESSING, 0),
        ("51", PspStatus.PROCESSING, 0),
        ("52", PspStatus.UNKNOWN, 0),
        ("777", PspStatus.UNKNOWN, 0),
    ],
)
async def test_a_sale_ends_in_every_way(
    script: ScriptedServer,
    provider: OgoneProvider,
    status: str,
    expected: PspStatus,
    captured: int,
) -> None:
    """Money is counted when it was taken; what nobody knows is told as unknown."""
    script.will_answer(said(status))

    payment = await provider.create_payment(off_session(capture_policy=CapturePolicy.AUTOMATIC))

    assert (payment.status, payment.raw_status, payment.captured_minor) == (
        expected,
        status,
        captured,
    )
    assert script.asked[0].parameters["OPERATION"] == "SAL"


@pytest.mark.parametrize(
    "status,code,category",
    [
        ("2", "30511001", FailureCategory.INSUFFICIENT_FUNDS),
        ("2", "0020001001", FailureCategory.PROCESSING_ERROR),
        ("2", "0", FailureCategory.DECLINED),
        ("0", "40001134", FailureCategory.AUTHENTICATION_FAILED),
        ("", "30001001", FailureCategory.DECLINED),
    ],
)
async def test_a_decline_is_a_result(
    script: ScriptedServer,
    provider: OgoneProvider,
    status: str,
    code: str,
    category: FailureCategory,
) -> None:
    """Final, with its reason, also where the reply names no sums."""
    script.will_answer(said(status, NCERROR=code, NCSTATUS="3", amount="", currency=""))

    payment = await provider.create_payment(off_session())

    assert payment.status is PspStatus.FAILED
    assert payment.failure is not None
    assert payment.failure.category is category
    assert (payment.amount_minor, payment.authorized_minor) == (1234, 0)


@pytest.mark.parametrize(
    "status,code,text,error",
    [
        ("0", "50001120", "currency", RejectedError),
        ("0", "50001111", "unknown order/1/s", MisconfiguredError),
        ("0", "50001119", "", MisconfiguredError),
        ("2", "50001184", "", MisconfiguredError),
        ("52", "20001001", "", OutcomeUnknownError),
        ("2", "20001001", "", OutcomeUnknownError),
        ("0", "20001010", "", OutcomeUnknownError),
        ("0", "40001001", "", OutcomeUnknownError),
        ("5", "50001120", "", OutcomeUnknownError),
        ("5", "30001001", "", OutcomeUnknownError),
        ("", "", "", OutcomeUnknownError),
    ],
)
async def test_refusals_and_doubts_are_told_apart(
    script: ScriptedServer,
    provider: OgoneProvider,
    status: str,
    code: str,
    text: str,
    error: type[Exception],
) -> None:
    """Only a clear refusal says that nothing happened; nothing is ever sent twice."""
    script.will_answer(said(status, NCERROR=code, NCERRORPLUS=text))

    with pytest.raises(error) as caught:
        await provider.create_payment(off_session())

    assert type(caught.value) is error
    assert "topsecret" not in str(caught.value)
    assert pages(script.asked) == ["orderdirect"]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": ""},
        {"amount": "12.345"},
        {"currency": ""},
        {"orderID": "pay_another"},
        {"orderID": "pay_another", "STATUS": "2", "NCERROR": "30001001"},
        {"orderID": "pay_another", "STATUS": "0", "NCERROR": "50001120"},
    ],
)
async def test_a_charge_whose_answer_cannot_be_read_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, changes: dict[str, str]
) -> None:
    """It happened, perhaps."""
    script.will_answer(said(**changes))

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())


async def test_a_duplicate_is_what_the_first_became(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """An earlier attempt of ours made the order: its state is the answer."""
    script.will_answer(said("0", NCERROR="50001113", NCSTATUS="5", amount=""), said("5"))

    payment = await provider.create_payment(off_session())

    assert payment.status is PspStatus.AUTHORIZED
    assert pages(script.asked) == ["orderdirect", "querydirect"]
    assert script.asked[1].parameters["ORDERID"] == PAYMENT_ID


@pytest.mark.parametrize("then", [UNKNOWN, said("88")], ids=["unknown", "query-failed"])
async def test_a_duplicate_that_cannot_be_seen_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, then: object
) -> None:
    """Ogone said that there is an order, and does not show it."""
    script.will_answer(said("0", NCERROR="50001113"), then)  # type: ignore[arg-type]  # an answer

    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())


# ---------------------------------------------------------------- asking


async def test_an_order_is_asked_for_by_our_id(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """The one reference that both sides know from the start."""
    script.will_answer(said("5"), said("5"))

    payment = await provider.retrieve_payment(PAYMENT_ID)

    assert payment == await provider.find_payment(PAYMENT_ID, _FROM, _TO)
    assert payment.status is PspStatus.AUTHORIZED
    sent = dict(script.asked[0].parameters)
    assert script.asked[0].path == "/querydirect_utf8.asp"
    assert sent.pop("SHASIGN") == sign(sent, "topsecret-directlink", "sha512")
    assert sent["ORDERID"] == PAYMENT_ID


async def test_later_operations_are_read_one_by_one(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """What was authorised and what was taken stand in different ones."""
    script.will_answer(*history(("5", "12.34"), ("9", "5.00"), ("8", "2.00")))

    payment = await provider.retrieve_payment(PAYMENT_ID)

    assert (payment.status, payment.raw_status) == (PspStatus.CAPTURED, "8")
    assert (payment.amount_minor, payment.captured_minor, payment.refunded_minor) == (
        1234,
        500,
        200,
    )
    asked = [(each.parameters["PAYID"], each.parameters["PAYIDSUB"]) for each in script.asked[1:]]
    assert asked == [(PAYID, "0"), (PAYID, "1"), (PAYID, "2")]


async def test_operations_are_counted_until_there_is_none(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Where the order does not name its last one."""
    no_more = said("", NCERROR="50001131", PAYID="", amount="")
    script.will_answer(said("9"), said("5"), said("9", amount="5.00"), no_more)

    payment = await provider.retrieve_payment(PAYMENT_ID)

    assert (payment.amount_minor, payment.captured_minor) == (1234, 500)


async def test_an_operation_that_went_on_meanwhile_stands_where_the_order_stood(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """One answer is one moment: money is not counted while the status says that it is under way."""
    script.will_answer(
        said("91", PAYIDSUB="1"),
        said("5", PAYIDSUB="0"),
        said("9", PAYIDSUB="1", amount="5.00"),
    )

    payment = await provider.retrieve_payment(PAYMENT_ID)

    assert (payment.status, payment.captured_minor) == (PspStatus.PROCESSING, 0)


@pytest.mark.parametrize(
    "answers",
    [
        [said("9", PAYIDSUB="1"), UNKNOWN],
        [said("9", PAYIDSUB="1"), said("5", PAYIDSUB="0"), UNKNOWN],
        [said("9", PAYIDSUB="1"), said("5", PAYIDSUB="3")],
        [said("9", PAYIDSUB="1"), said("5", PAYID="999")],
        [said("9", PAYIDSUB="x"), *[said("5", PAYIDSUB="")] * 100],
        [said("9"), UNKNOWN],
        [said("88")],
        [said("5", PAYID="")],
        [said("5", amount="")],
        [said("5", orderID="pay_another")],
        [said("", NCERROR="20001001", PAYID="")],
    ],
    ids=[
        "first-hidden",
        "last-hidden",
        "another-operation",
        "another-payment",
        "no-end",
        "none",
        "query-failed",
        "no-payid",
        "no-amount",
        "another-order",
        "in-doubt",
    ],
)
async def test_what_is_not_whole_is_no_answer(
    script: ScriptedServer, provider: OgoneProvider, answers: list[object]
) -> None:
    """A read is never half right: it is asked again later."""
    script.will_answer(*answers)  # type: ignore[arg-type]  # answers

    with pytest.raises(UnavailableError):
        await provider.retrieve_payment(PAYMENT_ID)


async def test_an_order_that_ogone_does_not_know(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """The shopper has not opened the page: not found, and no payment to be found."""
    script.will_answer(UNKNOWN, UNKNOWN)

    with pytest.raises(NotFoundError):
        await provider.retrieve_payment(PAYMENT_ID)
    assert await provider.find_payment(PAYMENT_ID, _FROM, _TO) is None


async def test_a_reference_that_no_order_can_have_is_not_asked_about(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Ogone would cut it, and answer about another."""
    too_long = PAYMENT_ID + "0"

    with pytest.raises(NotFoundError):
        await provider.retrieve_payment(too_long)
    with pytest.raises(NotFoundError):
        await provider.capture_payment(CapturePayment(too_long, Money(1, "EUR"), "k"))
    with pytest.raises(NotFoundError):
        await provider.cancel_payment(CancelPayment("", "k"))
    with pytest.raises(RejectedError):
        await provider.create_payment(off_session(payment_id=too_long))
    assert await provider.find_payment(too_long, _FROM, _TO) is None
    assert script.asked == []


async def test_a_wrong_signature_is_an_operators_concern(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Also when only asking; the error shows no secret."""
    script.will_answer(said("0", NCERROR="50001111", NCERRORPLUS="unknown order/1/s", PAYID=""))

    with pytest.raises(MisconfiguredError) as caught:
        await provider.retrieve_payment(PAYMENT_ID)

    assert "topsecret" not in str(caught.value)


async def test_an_orders_own_failure_is_read_and_not_raised(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """NCERROR beside a PAYID is the payment's."""
    script.will_answer(said("2", NCERROR="30001001"), said("0", NCERROR="50001120"))

    declined = await provider.retrieve_payment(PAYMENT_ID)
    invalid = await provider.retrieve_payment(PAYMENT_ID)

    assert (declined.status, invalid.status) == (PspStatus.FAILED, PspStatus.FAILED)
    assert declined.failure is not None
    assert declined.failure.code == "30001001"


# ---------------------------------------------------------------- the rest of the port


async def test_what_ogone_cannot_do_is_refused(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """As the capabilities say, without a call."""
    profile = CustomerProfile("cus_1")

    for call in (
        provider.create_customer(profile, "k"),
        provider.update_customer("c", profile, "k"),
        provider.list_aliases("c"),
        provider.start_alias_setup("c", PaymentMethod.CARD, "https://shop.example", "k"),
        provider.set_default_alias("c", "als_1", "k"),
        provider.delete_alias("c", "als_1", "k"),
        provider.retrieve_review("review-1"),
    ):
        with pytest.raises(RejectedError) as refused:
            await call
        assert refused.value.code == "not_supported"
    with pytest.raises(RejectedError) as refused:
        async for _ in provider.list_events(datetime.now(UTC)):
            pass
    assert refused.value.code == "not_supported"
    assert script.asked == []


async def test_a_notification_is_the_accounts_own(provider: OgoneProvider) -> None:
    """Its headers do not matter: the form itself is signed."""
    event = provider.parse_event({}, signed_body(notification()))

    assert (event.psp_reference, event.claimed_minor) == (PAYMENT_ID, 1234)
