"""Every text of every request: a card number or a secret in it is refused, and not repeated.

The texts come from the contract's descriptors: a field that is added tomorrow is tried as well.
"""

from __future__ import annotations

from typing import Any, Final

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from tests.contract.edge import RunningEdge, detail, rich_status
from tests.e2e.poisoning import METHODS, put_text, right_message, text_places

_CARD: Final = "4000056655665556"
"""A number of Stripe's for tests."""
_FULL_WIDTH: Final = str.maketrans("0123456789", "".join(chr(0xFF10 + n) for n in range(10)))
_ANYWHERE: Final = (
    "4000 0566 5566 5556",
    f"paid with {_CARD}, thanks",
    _CARD.translate(_FULL_WIDTH),
    "sk_live_poisonedkey",
    "whsec_poisonedhook",
    "pi_poisoned_secret_poisoned",
)
"""What no text may hold."""
_IN_FREE_TEXTS: Final = (
    _CARD,
    "4000-0566-5566-5556",
    "4000.0566.5566.5556",
    "4000\u20130566\u20135566\u20135556",
)
"""What can be an id as well: one number in ten passes Luhn by chance (docs/security.md)."""
_IDS: Final = frozenset(
    {
        *("order_id", "customer_id", "invoice_id", "parcel_id"),
        *("psp_account", "psp_accounts", "legacy_account", "psp_reference"),
    }
)
"""Opaque ids and names of others', in which digits are taken as they are."""
_FORMS: Final = {"email": "{}@example.com", "return_url": "https://shop.example/?x={}"}
"""How a text must look for nothing to be wrong but what is in it."""
_FIELDS: Final = [
    pytest.param(path, place, id=f"{path.rpartition('.')[2]} {'.'.join(place)}")
    for path, method in METHODS.items()
    for place in text_places(method.input_type)
]


@pytest.mark.parametrize("path,place", _FIELDS)
async def test_no_text_takes_a_card_number_or_a_secret(
    running: RunningEdge, path: str, place: tuple[str, ...]
) -> None:
    """It is named as the field that is wrong, what was in it is not said, and nothing is done."""
    name = place[-1]
    poisons = _ANYWHERE if name in _IDS else (*_ANYWHERE, *_IN_FREE_TEXTS)
    for poison in poisons:
        message = right_message(METHODS[path].input_type, {})
        put_text(message, place, _FORMS.get(name, "{}").format(poison))

        refusal = await _refusal(running, path, message)

        assert refusal is not None, poison
        assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT, poison
        status = rich_status(refusal)
        assert detail(status, ErrorInfo).reason == "INVALID_FIELDS"
        named = {one.field for one in detail(status, BadRequest).field_violations}
        assert any(_same(field, place) for field in named), (poison, named)
        said = str(refusal.details()) + str(status)
        assert poison not in said
        assert "poisoned" not in said
    assert running.payments.seen == []


async def _refusal(running: RunningEdge, path: str, message: Any) -> grpc.aio.AioRpcError | None:
    method = METHODS[path]
    kind = "_".join(
        "stream" if streams else "unary"
        for streams in (method.client_streaming, method.server_streaming)
    )
    stub: Any = getattr(running.channel, kind)(f"/{path}")
    encoded = message.SerializeToString()
    try:
        call = stub(iter([encoded]) if method.client_streaming else encoded, timeout=30)
        if method.server_streaming:
            await call.read()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


def _same(field: str, place: tuple[str, ...]) -> bool:
    """Whether a violation's path is this one; of repeated fields it has the index as well."""
    return field.partition("[")[0] == ".".join(place)
