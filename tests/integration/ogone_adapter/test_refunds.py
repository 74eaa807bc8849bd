"""Refunds on the wire: history first, one call, and never a repetition."""

from __future__ import annotations

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
from psp.port import PspRefund, RefundPayment, RefundStatus
from tests.integration.ogone_adapter.support import UNKNOWN, history, pages, said, sent_changes
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID

_CAPTURED = (("5", "12.34"), ("9", "12.34"))
_OPEN = history(*_CAPTURED)


async def _refund(
    provider: OgoneProvider, amount: Money | None = None, known: tuple[int, ...] = ()
) -> PspRefund:
    request = RefundPayment(
        "ref_1",
        PAYMENT_ID,
        amount or Money(500, "EUR"),
        "key-1",
        known_references=frozenset(f"{PAYID}/{number}" for number in known),
    )
    return await provider.refund_payment(request)


@pytest.mark.parametrize("amount_minor,sent", [(500, "500"), (1234, "1234")])
async def test_a_refund_leaves_the_order_open(
    script: ScriptedServer, provider: OgoneProvider, amount_minor: int, sent: str
) -> None:
    """RFD also for the whole: should it fail later, it can be made again."""
    script.will_answer(*_OPEN, said("81", PAYIDSUB="2", amount=f"{amount_minor / 100}"))

    refund = await _refund(provider, Money(amount_minor, "EUR"))

    assert refund == PspRefund(
        f"{PAYID}/2", PAYMENT_ID, RefundStatus.PENDING, "81", "EUR", amount_minor
    )
    assert pages(script.asked) == ["querydirect"] * 3 + ["maintenancedirect"]
    form = script.asked[-1].parameters
    assert (form["PAYID"], form["AMOUNT"], form["OPERATION"]) == (PAYID, sent, "RFD")
    assert "ORDERID" not in form


async def test_a_reply_without_its_number_is_found_in_the_history(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Its PAYIDSUB is its reference."""
    shown = history(*_CAPTURED, ("81", "5.00"))
    script.will_answer(*_OPEN, said("81", amount="5"), *shown)

    assert (await _refund(provider)).psp_reference == f"{PAYID}/2"


@pytest.mark.parametrize(
    "after", [_OPEN, [said("88")], history(*_CAPTURED, ("97", "5.00"))], ids=["none", "88", "97"]
)
async def test_a_reply_whose_number_does_not_show_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, after: list[Answer]
) -> None:
    """It was accepted, and nobody can say as what."""
    script.will_answer(*_OPEN, said("81", amount="5"), *after)

    with pytest.raises(OutcomeUnknownError):
        await _refund(provider)


@pytest.mark.parametrize(
    "status,became",
    [
        ("81", RefundStatus.PENDING),
        ("8", RefundStatus.SUCCEEDED),
        ("82", RefundStatus.UNKNOWN),
        ("83", RefundStatus.FAILED),
    ],
)
async def test_what_was_done_before_is_not_sent_again(
    script: ScriptedServer, provider: OgoneProvider, status: str, became: RefundStatus
) -> None:
    """There is no idempotency key: a refund of this amount that nobody else made is this one."""
    script.will_answer(*history(*_CAPTURED, (status, "5.00")))

    refund = await _refund(provider)

    assert (refund.psp_reference, refund.status) == (f"{PAYID}/2", became)
    assert sent_changes(script.asked) == []


async def test_anothers_refund_of_this_amount_is_not_this_one(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """It is known, so this one is sent."""
    script.will_answer(*history(*_CAPTURED, ("8", "5.00")), said("81", PAYIDSUB="3", amount="5.00"))

    assert (await _refund(provider, known=(2,))).psp_reference == f"{PAYID}/3"


@pytest.mark.parametrize(
    "state,code",
    [
        (history(("5", "12.34"), ("91", "12.34")), "capture_pending"),
        ([said("91", PAYIDSUB="0")], "capture_pending"),
        ([said("5")], "50001127"),
        ([said("51")], "50001127"),
        ([said("2")], "50001127"),
        ([said("41")], "50001127"),
        (history(("5", "12.34"), ("6", "12.34")), "50001127"),
        (history(("5", "12.34"), ("61", "12.34")), "50001127"),
        (history(("5", "12.34"), ("93", "12.34")), "50001127"),
        (history(("5", "12.34"), ("9", "4.99")), "50001129"),
        *(
            (history(*_CAPTURED, (status, "7.35")), "50001129")
            for status in ("8", "81", "82", "85", "7", "71", "72")
        ),
        (history(*_CAPTURED, ("8", "3.00"), ("82", "2.00"), ("81", "2.35")), "50001129"),
    ],
)
async def test_what_cannot_be_given_back_is_not_sent(
    script: ScriptedServer, provider: OgoneProvider, state: list[Answer], code: str
) -> None:
    """No money was taken, not yet, or less of it is left; what may be on its way is gone."""
    script.will_answer(*state)

    with pytest.raises(RejectedError) as refused:
        await _refund(provider)

    assert refused.value.code == code
    assert sent_changes(script.asked) == []


@pytest.mark.parametrize("status", ["83", "84", "94", "96", "73"])
async def test_what_came_back_can_be_given_again(
    script: ScriptedServer, provider: OgoneProvider, status: str
) -> None:
    """A refund that failed takes nothing from what is left."""
    script.will_answer(
        *history(*_CAPTURED, (status, "12.34")), said("81", PAYIDSUB="3", amount="12.34")
    )

    refund = await _refund(provider, Money(1234, "EUR"), known=(2,))

    assert refund.status is RefundStatus.PENDING


async def test_another_currency_is_not_sent(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Money goes back as it came."""
    script.will_answer(*_OPEN)

    with pytest.raises(RejectedError):
        await _refund(provider, Money(500, "USD"))

    assert sent_changes(script.asked) == []


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(1234, "KWD")])
async def test_an_amount_that_cannot_be_said_is_not_sent(
    script: ScriptedServer, provider: OgoneProvider, amount: Money
) -> None:
    """Nothing, or a third decimal."""
    with pytest.raises(RejectedError):
        await _refund(provider, amount)

    assert script.asked == []


async def test_an_order_that_could_not_be_read_any_more_gets_no_operation(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """One operation more than can be read would hide the order for ever."""
    script.will_answer(*history(*_CAPTURED, *[("8", "0.01")] * 98))

    with pytest.raises(RejectedError) as refused:
        await _refund(provider)

    assert refused.value.code == "too_many_operations"
    assert sent_changes(script.asked) == []


_IN_DOUBT = [
    [said("52")],
    history(("5", "12.34"), ("92", "12.34")),
    history(*_CAPTURED, ("97", "5.00")),
    history(*_CAPTURED, ("97", "5.00"), ("8", "2.00")),
    history(*_CAPTURED, ("0", "5.00")),
    history(*_CAPTURED, ("777", "5.00")),
    history(*_CAPTURED, ("8", "")),
    history(*_CAPTURED, ("83", "")),
    [said("88")],
    [Answer(drop=True), Answer(drop=True)],
]


@pytest.mark.parametrize("state", _IN_DOUBT)
async def test_nothing_is_sent_while_the_state_is_not_known(
    script: ScriptedServer, provider: OgoneProvider, state: list[Answer]
) -> None:
    """A refund of before may be among it: surely nothing happened now."""
    script.will_answer(*state)

    with pytest.raises(UnavailableError):
        await _refund(provider)

    assert sent_changes(script.asked) == []


@pytest.mark.parametrize("state", _IN_DOUBT[2:])
async def test_a_list_that_may_lack_one_is_none(
    script: ScriptedServer, provider: OgoneProvider, state: list[Answer]
) -> None:
    """Or what is not in it would be taken for not accepted."""
    script.will_answer(*state)

    with pytest.raises(UnavailableError):
        await provider.list_refunds(PAYMENT_ID)


async def test_refunds_are_listed(script: ScriptedServer, provider: OgoneProvider) -> None:
    """The oldest first, failed ones too, whoever made them; without any the list is empty."""
    script.will_answer(
        *history(*_CAPTURED, ("8", "5.00"), ("83", "2.00"), ("81", "1.00")), *_OPEN, said("5")
    )

    assert [
        (each.psp_reference, each.status, each.amount_minor, each.refund_id)
        for each in await provider.list_refunds(PAYMENT_ID)
    ] == [
        (f"{PAYID}/2", RefundStatus.SUCCEEDED, 500, ""),
        (f"{PAYID}/3", RefundStatus.FAILED, 200, ""),
        (f"{PAYID}/4", RefundStatus.PENDING, 100, ""),
    ]
    assert await provider.list_refunds(PAYMENT_ID) == ()
    assert await provider.list_refunds(PAYMENT_ID) == ()


async def test_an_order_that_is_not_there_has_no_refunds(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Nor can it be refunded."""
    script.will_answer(UNKNOWN, UNKNOWN)

    with pytest.raises(NotFoundError):
        await _refund(provider)
    with pytest.raises(NotFoundError):
        await provider.list_refunds(PAYMENT_ID)


@pytest.mark.parametrize(
    "no_answer",
    [
        Answer(drop=True),
        Answer(raw=b"<html>Bad gateway</html>", status=502),
        Answer(raw=b'<ncresponse STATUS="81"', cut=True),
        said(""),
        said("9", PAYIDSUB="2", amount="5"),
        said("81", PAYIDSUB="2", amount="4.99"),
        said("81", PAYIDSUB="1", amount="5"),
        said("81", PAYID="999"),
        said("0", NCERROR="20001001"),
        said("82", NCERROR="20001010"),
        said("0", NCERROR="40001001"),
    ],
    ids=[
        "drop",
        "bad-gateway",
        "cut",
        "no-status",
        "no-refund",
        "another-sum",
        "an-old-one",
        "another-payment",
        "in-doubt",
        "in-doubt-82",
        "unclear",
    ],
)
async def test_a_refund_without_an_answer_is_unknown_and_sent_once(
    script: ScriptedServer, provider: OgoneProvider, no_answer: Answer
) -> None:
    """It may have happened; only the list will tell, later."""
    script.will_answer(*_OPEN, no_answer, said("81"), said("81"))

    with pytest.raises(OutcomeUnknownError):
        await _refund(provider)

    assert len(sent_changes(script.asked)) == 1


_REFUSED = said("0", NCERROR="50001129", NCERRORPLUS="|overflow in refund|", amount="")


@pytest.mark.parametrize(
    "refusal",
    [
        _REFUSED,
        said("0", NCERROR="50001113"),
        said("0", NCERROR="50001133"),
        said("83", NCERROR="30051001", PAYIDSUB="2", amount="5"),
    ],
)
@pytest.mark.parametrize("became", ["81", "8", "83"])
async def test_a_refusal_may_be_an_echo(
    script: ScriptedServer, provider: OgoneProvider, refusal: Answer, became: str
) -> None:
    """The same refund came a moment before, or stands there as refused: the truth is the answer."""
    script.will_answer(*_OPEN, refusal, *history(*_CAPTURED, (became, "5.00")))

    refund = await _refund(provider)

    assert (refund.psp_reference, refund.raw_status) == (f"{PAYID}/2", became)
    assert len(sent_changes(script.asked)) == 1


@pytest.mark.parametrize("code", ["50001127", "50001129", "50001111", "30001001"])
async def test_a_refusal_that_is_true_is_told(
    script: ScriptedServer, provider: OgoneProvider, code: str
) -> None:
    """Nothing was given back, and the same again would not be."""
    script.will_answer(*_OPEN, said("0", NCERROR=code, amount=""), *_OPEN)

    with pytest.raises(RejectedError) as refused:
        await _refund(provider)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "refusal,after",
    [
        (said("0", NCERROR="50001113", amount=""), _OPEN),
        (said("0", NCERROR="50001133", amount=""), _OPEN),
        (_REFUSED, [said("88")]),
        (_REFUSED, history(*_CAPTURED, ("97", "5.00"))),
    ],
)
async def test_a_refusal_that_proves_nothing_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, refusal: Answer, after: list[Answer]
) -> None:
    """A duplicate of what does not show, or a truth that could not be read."""
    script.will_answer(*_OPEN, refusal, *after)

    with pytest.raises(OutcomeUnknownError):
        await _refund(provider)


async def test_a_wrong_password_did_nothing(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """An operator has to act."""
    script.will_answer(*_OPEN, said("0", NCERROR="50001119", amount=""))

    with pytest.raises(MisconfiguredError):
        await _refund(provider)
