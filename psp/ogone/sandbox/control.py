"""The control endpoints: what tests, demos and people do to the sandbox over HTTP.

Bodies and answers are JSON. What is wrong with a body is answered with 400 and a `problem`.

| method and path under /_sandbox | body | does |
|---|---|---|
| POST accounts | pspid, userid, password, sha_in_ecommerce, sha_in_directlink, sha_out, algorithm, notification_url, attempts, partial_captures, download_profile | registers an account, or changes it |
| POST aliases | pspid, alias, card, expiry | keeps a test card under an alias |
| DELETE aliases | pspid, alias | forgets it |
| POST faults | kind, path, operation, count, delay_s | a fault (`faults.FaultKind`) for the next requests that match; only kind is needed |
| DELETE faults | | no more faults |
| POST notifications/hold | | keeps notifications back |
| GET notifications/held | | those kept back |
| POST notifications/release | order, copies | sends them: statuses or PAYID/PAYIDSUB in this order first, or ["reversed"]; each so often |
| POST notifications/drop | status, count | never delivers the next so many of a status, `*` for any |
| POST notifications/settle | | answers once nothing is on its way |
| GET notifications/attempts | | every delivery attempted, with what was answered |
| POST payments/status | payid, payidsub, status | forces any status |
| POST payments/refund | payid, amount | refunds hundredths by hand, as in the back office; `id` is PAYID/PAYIDSUB |
| POST drift | kind, subject | tells downloads wrongly (`drifting.DriftKind`), in one way at a time; `id` is the PAYID/PAYIDSUB that it hits |
| DELETE drift | | tells them as they are |
| POST synthetic | count | adds so many invented rows to downloads (`synthetic`) |
| POST clock | advance_s | lets time pass in the books |
| GET books | | every account's payments, refunds by ORDERID, and what was taken from shoppers |
| GET cards | | the test cards and what each does |
| POST reset | | forgets all but the accounts |
"""  # noqa: E501 - a table's rows

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final

from aiohttp import web

from psp.ogone.sandbox.bookkeeping import JsonDict
from psp.ogone.sandbox.cards import TEST_CARDS
from psp.ogone.sandbox.refusals import Refusal
from psp.ogone.sandbox.sandbox import OgoneSandbox

Body = dict[str, object]
Act = Callable[[OgoneSandbox, Body], "JsonDict | Awaitable[JsonDict]"]

_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("advance_s", "delay_s"), (int, float)),
    **dict.fromkeys(("amount", "attempts", "copies", "count", "payidsub"), int),
    **dict.fromkeys(("download_profile", "partial_captures"), bool),
    "order": list,
}
"""Of every field that is no string; `status` is one or a number, as each endpoint says."""


def _register(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.register_account(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _add_alias(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.add_alias(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _delete_alias(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.delete_alias(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _inject(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.inject(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _clear_faults(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    sandbox.clear_faults()
    return {}


def _hold(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    sandbox.notifications.hold()
    return {}


def _held(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    held = sandbox.notifications.held()
    return {"data": [{"id": told.id, **told.parameters} for told in held]}


def _release(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.notifications.release(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _drop(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.notifications.drop(body.pop("status"), **body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


async def _settle(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    await sandbox.settle()
    return {}


def _attempts(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    return {"data": [asdict(attempt) for attempt in sandbox.notifications.attempts]}


def _force(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.force_status(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _refund(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    return {"id": sandbox.refund_by_hand(**body)}  # type: ignore[arg-type]  # checked by name and type before


def _drift(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    return {"id": sandbox.drift(**body)}  # type: ignore[arg-type]  # checked by name and type before


def _end_drift(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    sandbox.end_drift()
    return {}


def _invent(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.set_synthetic_rows(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _advance(sandbox: OgoneSandbox, body: Body) -> JsonDict:
    sandbox.advance_clock(body["advance_s"])  # type: ignore[arg-type]  # checked before
    return {}


def _books(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    return {"accounts": sandbox.books()}


def _cards(_sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    return {"data": [asdict(card) for card in TEST_CARDS.values()]}


def _reset(sandbox: OgoneSandbox, _body: Body) -> JsonDict:
    sandbox.reset()
    return {}


_ACCOUNT: Final = "pspid userid password sha_in_ecommerce sha_in_directlink sha_out"
_SETTINGS: Final = "algorithm notification_url attempts partial_captures download_profile"

ACTIONS: Final[Mapping[tuple[str, str], tuple[Act, str, str]]] = {
    (method, path): (act, needed, more)
    for method, path, act, needed, more in (
        ("POST", "accounts", _register, _ACCOUNT, _SETTINGS),
        ("POST", "aliases", _add_alias, "pspid alias card", "expiry"),
        ("DELETE", "aliases", _delete_alias, "pspid alias", ""),
        ("POST", "faults", _inject, "kind", "path operation count delay_s"),
        ("DELETE", "faults", _clear_faults, "", ""),
        ("POST", "notifications/hold", _hold, "", ""),
        ("GET", "notifications/held", _held, "", ""),
        ("POST", "notifications/release", _release, "", "order copies"),
        ("POST", "notifications/drop", _drop, "status", "count"),
        ("POST", "notifications/settle", _settle, "", ""),
        ("GET", "notifications/attempts", _attempts, "", ""),
        ("POST", "payments/status", _force, "payid status", "payidsub"),
        ("POST", "payments/refund", _refund, "payid amount", ""),
        ("POST", "drift", _drift, "kind", "subject"),
        ("DELETE", "drift", _end_drift, "", ""),
        ("POST", "synthetic", _invent, "count", ""),
        ("POST", "clock", _advance, "advance_s", ""),
        ("GET", "books", _books, "", ""),
        ("GET", "cards", _cards, "", ""),
        ("POST", "reset", _reset, "", ""),
    )
}
"""By method and path: what it does, the fields it needs, those it may have."""


async def act(
    sandbox: OgoneSandbox, request: web.Request, entry: tuple[Act, str, str]
) -> web.Response:
    """Carry a control request out; what is wrong with it is answered 400."""
    perform, needed, more = entry
    try:
        body = check_body(await request.text(), needed.split(), more.split())
        answer = perform(sandbox, body)
        return web.json_response(answer if isinstance(answer, dict) else await answer)
    except Refusal as refusal:
        problem = refusal.ncerrorplus
    except (LookupError, TypeError, ValueError) as error:
        problem = str(error)
    return web.json_response({"problem": problem}, status=400)


def check_body(text: str, needed: list[str], more: list[str]) -> Body:
    """Return a JSON object of these fields; raises `ValueError`."""
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise TypeError("the body is no JSON object")
    wrong = {
        "unknown": sorted(set(body) - {*needed, *more}),
        "missing": sorted(set(needed) - set(body)),
        "of the wrong type": sorted(name for name in body if not _fits(name, body[name])),
    }
    problems = [f"{what}: {', '.join(names)}" for what, names in wrong.items() if names]
    if problems:
        raise ValueError("; ".join(problems))
    return body


def _fits(name: str, value: object) -> bool:
    if name == "status":
        return isinstance(value, str | int)
    wanted = _TYPES.get(name, str)
    # A bool is an int to Python, not to a reader of JSON.
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
