"""Requests to every RPC that are right but for one text, which is what must never be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass

from gateway.aliases.import_lines import HEADER as ALIAS_HEADER
from gateway.api.server import SERVICES
from gateway.client import new_request_id
from gateway.refund_files.lines import HEADER as REFUND_HEADER

CARD: Final = "4000056655665556"
"""A number of Stripe's for tests, which nothing else here uses."""
SECRETS: Final = (
    "sk_live_poisonedkey",
    "whsec_poisonedhook",
    "pi_poisoned_secret_poisoned",
)
POISONS: Final = (
    CARD,
    "4000 0566 5566 5556",
    "4000-0566-5566-5556",
    "4000.0566.5566.5556",
    "poisonedkey",
    "poisonedhook",
    "secret_poisoned",
)
"""What nothing that is kept may hold, however it got there."""
METHODS: Final[dict[str, MethodDescriptor]] = {
    f"{service}/{method.name}": method
    for service in SERVICES
    for method in Default().FindServiceByName(service).methods
}

_FREE_TEXTS: Final = frozenset(
    {"email", "name", "phone", "preferred_locale", "return_url", "owner", "note", "file_name"}
)
_FORMS: Final = {"email": "{}@example.com", "return_url": "https://shop.example/?x={}"}
_HEADERS: Final = {"ImportAliasesRequest": ALIAS_HEADER, "SubmitRefundBatchRequest": REFUND_HEADER}
_TEXTS: Final = {
    "country_code": "FR",
    "currency_code": "EUR",
    "return_url": "https://shop.example/return",
    "email": "ada@example.com",
    "phone": "+33612345678",
    "preferred_locale": "fr-FR",
    "psp_account": "stripe_eu",
    "psp_accounts": "stripe_eu",
    "first_day": "2026-11-01",
    "last_day": "2026-11-01",
    "day": "2026-11-01",
    "alias_id": "",
    "page_token": "",
    "customer_id": "shopper-1",
    "order_id": "order-1",
}
_ROW: Final = {
    "movement_id": "movement-1",
    "order_id": "order-1",
    "psp_account": "stripe_eu",
    "psp_reference": "pi_1",
    "amount": "1.00",
    "currency": "EUR",
    "country": "FR",
}


@dataclass(frozen=True, slots=True)
class Poisoned:
    """One call."""

    path: str
    field: str
    messages: list[bytes]


def poisoned_calls(known: dict[str, str]) -> Iterator[Poisoned]:
    """Yield a call for every text of every RPC and everything it must not take.

    `known` are ids that exist, by the name of their field. A card number that could be an id as
    well is put into free texts only, see docs/security.md.
    """
    for path, method in METHODS.items():
        for place in text_places(method.input_type):
            for poison in _poisons(place[-1]):
                message = right_message(method.input_type, known)
                put_text(message, place, poison)
                yield Poisoned(path, ".".join(place), [message.SerializeToString()])
        yield from _poisoned_files(path, method, known)


def _poisons(name: str) -> Iterator[str]:
    form = _FORMS.get(name, "{}")
    texts = (CARD, "4000.0566.5566.5556", "4000-0566-5566-5556") if name in _FREE_TEXTS else ()
    for poison in (*SECRETS, "4000 0566 5566 5556", *texts):
        yield form.format(poison)


def text_places(descriptor: Descriptor, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every text in a message."""
    for field in descriptor.fields:
        if field.message_type is not None:
            yield from text_places(field.message_type, (*seen, field.name))
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield (*seen, field.name)


def put_text(
    message: Any, place: tuple[str, ...], text: str
) -> None:  # a message's fields are its own
    """Write a text into a message."""
    *inner, last = place
    for name in inner:
        message = getattr(message, name)
    field = message.DESCRIPTOR.fields_by_name[last]
    if field.is_repeated:
        getattr(message, last)[:] = [text]
    else:
        setattr(message, last, text)


def right_message(descriptor: Descriptor, known: dict[str, str]) -> Any:  # as above
    """Return a message whose every field has a value that could be right."""
    message: Any = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type is not None:
            if not field.is_repeated:
                getattr(message, field.name).CopyFrom(right_message(field.message_type, known))
        elif field.enum_type is not None:
            setattr(message, field.name, 1)
        elif field.type == FieldDescriptor.TYPE_STRING:
            text = known.get(field.name, _TEXTS.get(field.name, "plain"))
            put_text(
                message, (field.name,), new_request_id() if field.name == "request_id" else text
            )
        elif field.type == FieldDescriptor.TYPE_INT64:
            setattr(message, field.name, 100)
    return message


def _poisoned_files(
    path: str, method: MethodDescriptor, known: dict[str, str]
) -> Iterator[Poisoned]:
    header = _HEADERS.get(method.input_type.name)
    if header is None:
        return
    made = GetMessageClass(method.input_type)
    options: Any = made()
    options = options.options.DESCRIPTOR
    for column in header:
        for poison in (*SECRETS, "4000 0566 5566 5556"):
            cells = [poison if name == column else _ROW.get(name, "") for name in header]
            file = "\n".join([",".join(header), ",".join(cells)]).encode()
            messages = [made(options=right_message(options, known)), made(chunk=file)]
            encoded = [message.SerializeToString() for message in messages]
            yield Poisoned(path, f"file.{column}", encoded)
