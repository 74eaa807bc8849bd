"""`expand[]`: ids in an answer replaced by the objects they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.books import Books

EXPANDABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "review": "review",
    },
    "charge": {"customer": "customer", "payment_intent": "payment_intent", "review": "review"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "review": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_method": {"customer": "customer"},
    "balance_transaction": {"source": "source"},
    # Whatever moved the balance: what one kind of it lacks is passed over.
    "source": {"charge": "charge", "payment_intent": "payment_intent"},
    "setup_intent": {"customer": "customer", "payment_method": "payment_method"},
    "customer": {"invoice_settings": "invoice_settings"},
    "invoice_settings": {"default_payment_method": "payment_method"},
}
"""By kind of object: its fields that can be expanded, and what they then are."""
_MAX_DEPTH: Final = 4  # Stripe API, expanding responses


def check_expansions(kind: str, paths: Sequence[str]) -> None:
    """Raise `ApiError`, before anything is done, for what cannot be expanded.

    `kind` is what the endpoint answers; `list payment_intent` is a list of them.
    """
    for path in paths:
        names = path.split(".")
        if kind.startswith("list "):
            in_list, names = names[0] == "data" and len(names) > 1, names[1:]
        else:
            in_list = True
        if not in_list or len(names) > _MAX_DEPTH or not _leads_somewhere(kind, names):
            message = f"This property cannot be expanded ({path})."
            raise ApiError(400, message, before_execution=True)


def expand(answer: JsonDict, paths: Sequence[str], books: Books) -> None:
    """Expand checked paths of an answer, in place."""
    for path in paths:
        names = path.split(".")
        data = answer.get("data")
        if answer.get("object") == "list" and isinstance(data, list):
            for entry in data:
                _expand(entry, names[1:], books)
        else:
            _expand(answer, names, books)


def _leads_somewhere(kind: str, names: Sequence[str]) -> bool:
    kind = kind.removeprefix("list ")
    for name in names:
        below = EXPANDABLE.get(kind, {}).get(name)
        if below is None:
            return False
        kind = below
    return True


def _expand(holder: JsonDict, names: Sequence[str], books: Books) -> None:
    value = holder.get(names[0])
    if isinstance(value, str):
        value = holder[names[0]] = books.rendered(value)
    if isinstance(value, dict) and len(names) > 1:
        _expand(value, names[1:], books)
