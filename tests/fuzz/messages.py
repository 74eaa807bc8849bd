"""Random messages of any type, from its descriptor: mostly plausible, partly hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from gateway.aliases.import_lines import HEADER as ALIAS_HEADER
from gateway.refund_files.lines import HEADER as REFUND_HEADER

_F: Final = FieldDescriptor
HOSTILE: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "a\nb",
    "\u202e\u2028\ufeff",
    "\U0001f4a9" * 20,
    "é" * 64,
    "9" * 400,
    "x" * 5000,
    "-1",
    "NaN",
    "null",
    "' OR '1'='1",
    "%s%n{0}${x}",
    "../../etc/passwd",
    "4242 4242 4242 4242",
    "sk_live_topsecret",
    "pay_" + "0" * 26,
    "pay_" + "z" * 26,
    "ref_" + "0" * 26,
    "als_",
    "2026-02-30",
    "9999-12-31",
    "0001-01-01",
    "https://[::1",
    "https://shop.example/" + "%" * 50,
)
_REQUEST_IDS: Final = st.one_of(
    st.uuids(version=4).map(str), st.just("0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f")
)
_POOLS: Final[Mapping[str, Sequence[str]]] = {
    "country_code": ("FR", "FR", "BE", "PL", "PT", "DE"),
    "currency_code": ("EUR", "EUR", "EUR", "PLN", "GBP", "JPY"),
    "order_id": ("order-1", "order-2", "nobody"),
    "customer_id": ("shopper-1", "shopper-1", "nobody", ""),
    "alias_id": ("",),
    "invoice_id": ("invoice-1", "invoice-2"),
    "parcel_id": ("parcel-1", "parcel-2"),
    "page_token": ("",),
    "name": ("Ada Lovelace",),
    "owner": ("ada",),
    "note": ("looked at",),
    "psp_account": ("stripe_eu", "ogone_be", "nobody"),
    "psp_accounts": ("stripe_eu", "ogone_be", "nobody"),
    "legacy_account": ("ogone_be", ""),
    "return_url": ("https://shop.example/return", ""),
    "email": ("ada@example.com", ""),
    "phone": ("+33612345678", ""),
    "preferred_locale": ("fr-FR", ""),
    "first_day": ("2026-11-01", "2026-11-30"),
    "last_day": ("2026-11-02", "2026-10-01"),
    "day": ("2026-11-02",),
    "psp_reference": ("pi_1", "3014644340"),
    "file_name": ("refunds.csv",),
}
"""Values by a field's name, some of which are what the gateway takes."""
_NUMBERS: Final[Mapping[str, Sequence[int]]] = {
    "amount_minor": (1, 100, 1999),
    "page_size": (0, 1, 500),
    "after_sequence": (0, 1),
}
"""As `_POOLS`."""
_ONE_IN: Final = 12
_INTEGERS: Final = st.one_of(
    st.sampled_from([0, 1, -1, 100, 1999, 2**31 - 1, -(2**31)]),
    st.integers(-(2**31), 2**31 - 1),
)
_LONG_INTEGERS: Final = st.one_of(
    _INTEGERS, st.sampled_from([2**63 - 1, -(2**63), 10**12]), st.integers(-(2**63), 2**63 - 1)
)
_UNSIGNED: Final = st.integers(0, 2**32 - 1)


class Messages:
    """Makes strategies; `known` are ids that exist, by the name of the fields that take them."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self._known = known

    def of(self, descriptor: Descriptor) -> st.SearchStrategy[Message]:
        """Return a strategy for messages of a type; every field may be missing."""
        made: Callable[[], Message] = GetMessageClass(descriptor)
        fields = st.fixed_dictionaries(
            {field.name: _rarely(st.none(), self._value(field)) for field in descriptor.fields}
        )
        return fields.map(lambda values: _filled(made(), descriptor, values))

    def stream(self, descriptor: Descriptor) -> st.SearchStrategy[list[Message]]:
        """Return a strategy for what a client streams; often it begins as it should."""
        names = [field.name for field in descriptor.fields]
        one = self.of(descriptor)
        if "options" not in names:
            return st.lists(one, max_size=4)
        made: Callable[[], Message] = GetMessageClass(descriptor)
        options = self._value(descriptor.fields_by_name["options"])
        first = options.map(lambda value: _filled(made(), descriptor, {"options": value}))
        chunks = st.lists(
            _CHUNKS.map(lambda chunk: _filled(made(), descriptor, {"chunk": chunk})), max_size=3
        )
        whole = st.tuples(first, chunks).map(lambda parts: [parts[0], *parts[1]])
        return st.one_of(whole, st.lists(one, max_size=4))

    def _value(self, field: FieldDescriptor) -> st.SearchStrategy[Any]:
        one = self._one(field)
        return st.lists(one, max_size=3) if field.is_repeated else one

    def _one(self, field: FieldDescriptor) -> st.SearchStrategy[Any]:
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.enum_type is not None:
            numbers = [value.number for value in field.enum_type.values]
            return _rarely(st.sampled_from([-1, 999, 2**31 - 1]), st.sampled_from(numbers))
        if field.type == _F.TYPE_STRING:
            return self._text(field.name)
        if field.name in _NUMBERS:
            return _rarely(_SCALARS[field.type], st.sampled_from(_NUMBERS[field.name]))
        return _SCALARS[field.type]

    def _text(self, name: str) -> st.SearchStrategy[str]:
        hostile = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
        if name == "request_id":
            return _rarely(hostile, _REQUEST_IDS)
        pool = [*_POOLS.get(name, ()), *self._known.get(name, ())]
        return _rarely(hostile, st.sampled_from(pool)) if pool else hostile


def _rarely(odd: st.SearchStrategy[Any], usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what is nearly always usual: of many fields, one that is odd hides what is behind."""
    return st.integers(0, _ONE_IN - 1).flatmap(lambda drawn: odd if drawn == _ONE_IN - 1 else usual)


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Return bytes that were a message once: bits flipped, parts lost, doubled or put in."""
    mutable = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(mutable)))
        match draw(st.sampled_from(["flip", "cut", "double", "insert"])):
            case "flip" if at < len(mutable):
                mutable[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del mutable[at : at + draw(st.integers(1, 8))]
            case "double":
                mutable[at:at] = mutable[at : at + draw(st.integers(1, 16))]
            case _:
                mutable[at:at] = draw(st.binary(max_size=6))
    return bytes(mutable)


def _filled(message: Message, descriptor: Descriptor, values: Mapping[str, Any]) -> Message:
    for name, value in values.items():
        if value is None:
            continue
        field = descriptor.fields_by_name[name]
        if field.is_repeated:
            getattr(message, name).extend(value)
        elif field.message_type is not None:
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
    return message


def _file(header: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    cell = st.one_of(
        st.sampled_from(
            ["m-1", "order-1", "stripe_eu", "12.34", "EUR", "FR", "", '"', "0", "2030"]
        ),
        st.sampled_from(HOSTILE),
        st.text(max_size=8),
    )
    row = st.lists(cell, min_size=len(header) - 1, max_size=len(header) + 1).map(",".join)
    return st.lists(row, max_size=4).map(lambda rows: "\n".join([",".join(header), *rows]).encode())


_CHUNKS: Final = st.one_of(_file(ALIAS_HEADER), _file(REFUND_HEADER), st.binary(max_size=200))
_SCALARS: Final[Mapping[int, st.SearchStrategy[Any]]] = {
    _F.TYPE_BYTES: _CHUNKS,
    _F.TYPE_BOOL: st.booleans(),
    _F.TYPE_INT32: _INTEGERS,
    _F.TYPE_INT64: _LONG_INTEGERS,
    _F.TYPE_UINT32: _UNSIGNED,
    _F.TYPE_UINT64: _UNSIGNED,
    _F.TYPE_DOUBLE: st.floats(),
}
