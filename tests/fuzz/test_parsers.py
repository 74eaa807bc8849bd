"""What comes from PSPs and in files, as nobody would write it: refused as documented."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.aliases.import_lines import HEADER as ALIAS_HEADER
from gateway.aliases.import_lines import HeaderError
from gateway.aliases.import_lines import LineReader as AliasLines
from gateway.api.page_tokens import cursor_of, page_token
from gateway.domain.aliases import parse_alias_id
from gateway.events.inbox import require_plain
from gateway.refund_files.lines import HEADER as REFUND_HEADER
from gateway.refund_files.lines import FileRefusedError
from gateway.refund_files.lines import LineReader as RefundLines
from psp.errors import InvalidEventError
from psp.ogone.answers import UnreadableAnswerError, parse_answer
from psp.ogone.download_rows import DownloadError, DownloadRefusedError, RowReader
from psp.ogone.events import OgoneEvents
from psp.ogone.settlement_reading import settlement_entry
from psp.stripe.balance_reading import balance_entry
from psp.stripe.events import StripeEvents
from psp.stripe.fields import UnreadableAnswerError as UnreadableStripeAnswerError
from psp.stripe.money import AmountError
from tests.fuzz.effort import effort
from tests.fuzz.messages import HOSTILE, mutated
from tests.unit.psp.ogone.support import account_config as ogone_config
from tests.unit.psp.ogone.support import attributes, notification, reply, signed_body
from tests.unit.psp.stripe.support import account_config as stripe_config
from tests.unit.psp.stripe.support import payment_intent

_NOW_S: Final = 1_800_000_000
_EXAMPLES: Final = 100
_TEXT: Final = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
_JSON: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        _TEXT,
        st.sampled_from(["event", "payment_intent", "charge", "evt_1", "pi_1", _NOW_S]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_EVENT: Final[dict[str, Any]] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": _NOW_S - 5,
    "livemode": False,
    "data": {"object": payment_intent()},
}
_BALANCE_TRANSACTION: Final[dict[str, Any]] = {
    "id": "txn_1",
    "object": "balance_transaction",
    "amount": 1,
    "fee": 0,
    "net": 1,
    "currency": "eur",
    "created": _NOW_S,
    "reporting_category": "charge",
    "source": payment_intent(),
    "description": "x",
}


def _parse_stripe(body: bytes) -> None:
    events = StripeEvents(
        stripe_config(api_key=SecretStr("sk_test_1")), clock=lambda: float(_NOW_S)
    )
    signature = hmac.new(b"whsec_two", b"%d." % _NOW_S + body, hashlib.sha256).hexdigest()
    with suppress(InvalidEventError):
        require_plain(events.parse({"stripe-signature": f"t={_NOW_S},v1={signature}"}, body))


@st.composite
def _changed(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with some of its values, at any depth, replaced by anything."""
    changed = dict(document)
    for name in draw(st.sets(st.sampled_from(sorted(document)), min_size=1, max_size=3)):
        inner = changed[name]
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            changed[name] = draw(_changed(inner))
        else:
            changed[name] = draw(_JSON)
    return changed


@effort(_EXAMPLES)
@given(event=st.one_of(_changed(_EVENT), _JSON))
def test_stripes_events(event: object) -> None:
    """Signed, and anything inside: an event, or `InvalidEventError`."""
    _parse_stripe(json.dumps(event).encode())


@effort(_EXAMPLES)
@given(body=st.one_of(mutated(json.dumps(_EVENT).encode()), st.binary(max_size=100)))
def test_bytes_in_place_of_stripes_events(body: bytes) -> None:
    """Likewise for what is no JSON any more."""
    _parse_stripe(body)


@effort(_EXAMPLES)
@given(
    header=st.one_of(_TEXT, mutated(b"t=1800000000,v1=00").map(lambda raw: raw.decode("latin-1")))
)
def test_stripes_signatures(header: str) -> None:
    """A header that is no signature is `InvalidEventError`, too."""
    events = StripeEvents(stripe_config(), clock=lambda: float(_NOW_S))
    with pytest.raises(InvalidEventError):
        events.parse({"Stripe-Signature": header}, b"{}")


@effort(_EXAMPLES)
@given(answer=_changed(_BALANCE_TRANSACTION))
def test_stripes_balance_transactions(answer: dict[str, Any]) -> None:
    """An entry, or the two errors that it documents."""
    with suppress(UnreadableStripeAnswerError, AmountError):
        balance_entry(answer)


@effort(_EXAMPLES)
@given(
    changes=st.dictionaries(
        st.one_of(st.sampled_from(sorted(notification())), st.text(max_size=8)), _TEXT, max_size=4
    ),
    encoding=st.sampled_from(["utf-8", "iso-8859-1"]),
)
def test_ogones_notifications(changes: dict[str, str], encoding: str) -> None:
    """Signed, and anything inside: an event, or `InvalidEventError`."""
    events = OgoneEvents(ogone_config())
    fields = {
        name: value.encode(encoding, "ignore").decode(encoding)
        for name, value in notification(**changes).items()
        if name.encode(encoding, "ignore").decode(encoding) == name
    }
    assume(len({name.upper() for name in fields}) == len(fields))  # Ogone signs no such form
    with suppress(InvalidEventError):
        require_plain(events.parse(signed_body(fields, encoding=encoding)))


@effort(_EXAMPLES)
@given(body=st.one_of(mutated(signed_body(notification())), st.binary(max_size=100)))
def test_bytes_in_place_of_ogones_notifications(body: bytes) -> None:
    """No signature survives, whatever the bytes are."""
    with suppress(InvalidEventError):
        OgoneEvents(ogone_config()).parse(body)


_ENCODINGS: Final = ("ISO-8859-1", "UTF-8", "utf-16", "us-ascii", "ebcdic-cp-be", "rot13", "x", "")


@st.composite
def _xml(draw: st.DrawFn, root: str, inside: str = "") -> bytes:
    """Return a document with attributes that Ogone might send, or might not."""
    names = st.one_of(
        st.sampled_from(sorted(attributes())), st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True)
    )
    values = draw(st.dictionaries(names, _TEXT, max_size=6))
    said = " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())
    encoding = draw(st.sampled_from(_ENCODINGS))
    head = draw(
        st.sampled_from(['<?xml version="1.0" encoding="{}"?>', "", "<!DOCTYPE a>", "\ufeff"])
    )
    body = f"<{inside} {said}/>" if inside else ""
    text = f"{head.format(encoding)}<{root} {'' if inside else said}>{body}</{root}>"
    return text.encode(draw(st.sampled_from(["iso-8859-1", "utf-8", "utf-16"])), "replace")


@effort(_EXAMPLES)
@given(body=st.one_of(_xml("ncresponse"), mutated(reply()), st.binary(max_size=60)))
def test_ogones_answers(body: bytes) -> None:
    """An answer, or `UnreadableAnswerError`."""
    with suppress(UnreadableAnswerError):
        answer = parse_answer(body)
        _ = (answer.status, answer.error_code, answer.error_text)


@effort(_EXAMPLES)
@given(
    body=st.one_of(_xml("DOWNLOAD_REPLY", "PAYMENT"), _xml("SYSTEM_ERROR"), st.binary(max_size=60)),
    cut=st.integers(1, 64),
)
def test_ogones_downloads(body: bytes, cut: int) -> None:
    """Rows and entries, or the errors that say where; however the bytes are cut."""
    reader = RowReader()
    with suppress(DownloadError, DownloadRefusedError):
        for start in range(0, len(body), cut):
            for row in reader.feed(body[start : start + cut]):
                settlement_entry(row)
        for row in reader.close():
            settlement_entry(row)


def _fed(reader: Any, chunks: Iterable[bytes], refusal: type[ValueError]) -> None:
    with suppress(refusal):
        for chunk in chunks:
            list(reader.feed(chunk))
        list(reader.finish())


_READERS: Final[tuple[tuple[Callable[[], Any], type[ValueError], tuple[str, ...]], ...]] = (
    (AliasLines, HeaderError, ALIAS_HEADER),
    (RefundLines, FileRefusedError, REFUND_HEADER),
)


@pytest.mark.parametrize("reader,refusal,header", _READERS, ids=["aliases", "refunds"])
@effort(_EXAMPLES)
@given(data=st.data())
def test_files(
    reader: Callable[[], Any],
    refusal: type[ValueError],
    header: tuple[str, ...],
    data: st.DataObject,
) -> None:
    """Every line is read or refused by itself; only the header may refuse the file."""
    row = st.lists(_TEXT, min_size=len(header), max_size=len(header)).map(",".join)
    lines = [",".join(header), *data.draw(st.lists(row, max_size=3))]
    whole = data.draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode()
    content = data.draw(st.one_of(st.just(whole), mutated(whole), st.binary(max_size=80)))
    cut = data.draw(st.integers(1, 64))

    _fed(reader(), (content[at : at + cut] for at in range(0, len(content), cut)), refusal)


_TOKEN: Final = mutated(page_token("ListPayments", ["a"], "b").encode())


@effort(_EXAMPLES)
@given(text=st.one_of(_TEXT, _TOKEN.map(lambda raw: raw.decode("latin-1"))))
def test_tokens_and_ids(text: str) -> None:
    """A value, or `ValueError`, in words that may be shown."""
    with suppress(ValueError):
        parse_alias_id(text)
    with suppress(ValueError):
        cursor_of("ListPayments", ["a"], str, "")(text)
