"""The control endpoints: what tests, demos and people do to the sandbox over HTTP.

Bodies and answers are JSON. What is wrong with a body is answered with 400 in the API's manner.

| method and path under /_sandbox | body | does |
|---|---|---|
| POST faults | kind, method, path_prefix, path_suffix, count, delay_s, retry_after_s | a fault (`faults.FaultKind`) for the next requests that match; only kind is needed |
| DELETE faults | | no more faults |
| POST webhooks | url, secret, api_key, event_types | registers an endpoint for one account or all; answers its id |
| DELETE webhooks/{id} | | removes it |
| POST webhooks/{id}/roll | secret | signs with the new and the last secret |
| POST webhooks/hold | | keeps events back |
| GET webhooks/held | | the events kept back |
| POST webhooks/release | order, copies | sends them: types or ids in this order first, or ["reversed"]; each so often |
| POST webhooks/drop | event_type, count | never delivers the next so many of a type, `*` for any |
| POST webhooks/settle | | answers once nothing is on its way |
| GET webhooks/attempts | | every delivery attempted, with what was answered |
| POST browser/confirm | client_secret, payment_method, return_url, publishable_key | confirms as Stripe.js does; `paypal` starts the redirect |
| POST browser/authenticate | client_secret, outcome, publishable_key | ends 3-D Secure: `succeed` or `fail` |
| GET paypal/{id} | | PayPal's page for a PaymentIntent or a SetupIntent |
| POST paypal/{id} | decision (a form) | `approve` or `cancel`; redirects to the return_url |
| POST payment_intents/{id}/status | status | forces any status |
| POST refunds | payment_intent, amount, reason | refunds by hand, without metadata; answers its id |
| POST refunds/{id}/status | status, failure_reason | moves a refund to any status, with its events |
| POST circumstances | balance_too_low, closed_review_leaves, has_reports, report_takes_s, synthetic_rows | changes what is named (`world.Circumstances`) |
| POST payouts | api_key, currency, amount | pays out what is available, or a part of it; answers its id |
| POST balance_transactions | api_key, category, amount, currency, fee, payment_intent, description | books a line by hand; answers its id |
| POST report_runs/{id}/status | status, error | moves a report run to any status |
| POST drift | kind, subject | tells the books wrongly (`drifting.DriftKind`); answers the line that it hits |
| DELETE drift | | tells them as they are |
| POST reviews | payment_intent | opens a review by hand; answers its id |
| POST reviews/{id}/close | reason | closes it for one of Stripe's reasons |
| POST clock | advance_s | lets time pass in the books |
| GET books | | every account's payments and what was taken from shoppers |
| POST reset | | forgets all but the endpoints |
"""  # noqa: E501 - a table's rows

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final

from aiohttp import web

from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.drifting import DriftKind
from psp.stripe.sandbox.faults import FaultKind
from psp.stripe.sandbox.rendering import render_event
from psp.stripe.sandbox.sandbox import StripeSandbox

Body = dict[str, object]
Action = Callable[[StripeSandbox, str, Body], "JsonDict | Awaitable[JsonDict]"]

_FAULT_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "kind": str,
    "method": str,
    "path_prefix": str,
    "path_suffix": str,
    "count": int,
    "delay_s": (int, float),
    "retry_after_s": int,
}
_CIRCUMSTANCES: Final[Mapping[str, type]] = {
    "balance_too_low": bool,
    "closed_review_leaves": str,
    "has_reports": bool,
    "report_takes_s": int,
    "synthetic_rows": int,
}
_JSON_WORDS: Final[Mapping[type, str]] = {bool: "boolean", str: "string", int: "integer"}


def _inject(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    kinds = [kind.value for kind in FaultKind]
    if body.get("kind") not in kinds:
        raise ApiError(400, f"kind is one of {', '.join(kinds)}", param="kind")
    sandbox.inject(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _clear_faults(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    sandbox.clear_faults()
    return {}


def _register(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    url, secret = _text(body, "url"), _text(body, "secret")
    api_key = _text(body, "api_key", "") or None
    types = _texts(body, "event_types") or ["*"]
    return {"id": sandbox.register_webhook(url, secret, api_key=api_key, event_types=types)}


def _remove(sandbox: StripeSandbox, endpoint_id: str, _body: Body) -> JsonDict:
    sandbox.remove_webhook(endpoint_id)
    return {}


def _roll(sandbox: StripeSandbox, endpoint_id: str, body: Body) -> JsonDict:
    sandbox.roll_secret(endpoint_id, _text(body, "secret"))
    return {}


def _hold(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    sandbox.webhooks.hold()
    return {}


def _held(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    return {"data": [render_event(parcel.event) for parcel in sandbox.webhooks.held()]}


def _release(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    sandbox.webhooks.release(_texts(body, "order"), int(_number(body, "copies", 1)))
    return {}


def _drop(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    sandbox.webhooks.drop(_text(body, "event_type"), int(_number(body, "count", 1)))
    return {}


async def _settle(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    await sandbox.settle()
    return {}


def _attempts(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    return {"data": [asdict(attempt) for attempt in sandbox.webhooks.attempts]}


def _confirm(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    names = ("return_url", "publishable_key")
    more = {name: _text(body, name) for name in names if name in body}
    method = _text(body, "payment_method", "") or None
    return sandbox.browser_confirm(_text(body, "client_secret"), method, **more)


def _authenticate(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    outcome = _text(body, "outcome")
    if outcome not in {"succeed", "fail"}:
        raise ApiError(400, "outcome is succeed or fail", param="outcome")
    return sandbox.browser.authenticate(
        _text(body, "client_secret"),
        succeeds=outcome == "succeed",
        publishable_key=_text(body, "publishable_key", "") or None,
    )


def _force(sandbox: StripeSandbox, intent_id: str, body: Body) -> JsonDict:
    sandbox.force_status(intent_id, _text(body, "status"))
    return {}


def _open_review(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    return {"id": sandbox.open_review(_text(body, "payment_intent"))}


def _close_review(sandbox: StripeSandbox, review_id: str, body: Body) -> JsonDict:
    sandbox.close_review(review_id, _text(body, "reason", "approved"))
    return {}


def _refund(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    amount = int(_number(body, "amount")) if "amount" in body else None
    reason = _text(body, "reason", "") or None
    return {"id": sandbox.refund_by_hand(_text(body, "payment_intent"), amount, reason=reason)}


def _move_refund(sandbox: StripeSandbox, refund_id: str, body: Body) -> JsonDict:
    failure_reason = _text(body, "failure_reason", "") or None
    sandbox.force_refund(refund_id, _text(body, "status"), failure_reason)
    return {}


def _circumstances(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    for name, value in body.items():
        kind = _CIRCUMSTANCES[name]
        if type(value) is not kind:
            raise ApiError(400, f"{name} must be a JSON {_JSON_WORDS[kind]}", param=name)
    sandbox.set_circumstances(**body)  # type: ignore[arg-type]  # checked by name and type before
    return {}


def _pay_out(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    amount = int(_number(body, "amount")) if "amount" in body else None
    return {"id": sandbox.pay_out(_text(body, "api_key"), _text(body, "currency"), amount)}


def _book(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    line_id = sandbox.book(
        _text(body, "api_key"),
        _text(body, "category"),
        int(_number(body, "amount")),
        _text(body, "currency"),
        fee=int(_number(body, "fee", 0)),
        payment_intent=_text(body, "payment_intent", "") or None,
        description=_text(body, "description", "") or None,
    )
    return {"id": line_id}


def _move_report(sandbox: StripeSandbox, run_id: str, body: Body) -> JsonDict:
    sandbox.force_report(run_id, _text(body, "status"), _text(body, "error", "") or None)
    return {}


def _drift(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    kinds = [kind.value for kind in DriftKind]
    if body.get("kind") not in kinds:
        raise ApiError(400, f"kind is one of {', '.join(kinds)}", param="kind")
    return {"id": sandbox.drift(_text(body, "kind"), _text(body, "subject", ""))}


def _end_drift(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    sandbox.end_drift()
    return {}


def _advance(sandbox: StripeSandbox, _id: str, body: Body) -> JsonDict:
    seconds = _number(body, "advance_s")
    if seconds < 0:
        raise ApiError(400, "time runs forwards only", param="advance_s")
    sandbox.advance_clock(seconds)
    return {}


def _books(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    return {"accounts": sandbox.books()}


def _reset(sandbox: StripeSandbox, _id: str, _body: Body) -> JsonDict:
    sandbox.reset()
    return {}


ACTIONS: Final[Mapping[tuple[str, str], tuple[Action, frozenset[str]]]] = {
    (method, path): (action, frozenset(fields.split()))
    for method, path, action, fields in (
        ("POST", "faults", _inject, " ".join(_FAULT_FIELDS)),
        ("DELETE", "faults", _clear_faults, ""),
        ("POST", "webhooks", _register, "url secret api_key event_types"),
        ("DELETE", "webhooks/{id}", _remove, ""),
        ("POST", "webhooks/hold", _hold, ""),
        ("GET", "webhooks/held", _held, ""),
        ("POST", "webhooks/release", _release, "order copies"),
        ("POST", "webhooks/drop", _drop, "event_type count"),
        ("POST", "webhooks/settle", _settle, ""),
        ("GET", "webhooks/attempts", _attempts, ""),
        ("POST", "webhooks/{id}/roll", _roll, "secret"),
        (
            "POST",
            "browser/confirm",
            _confirm,
            "client_secret payment_method return_url publishable_key",
        ),
        ("POST", "browser/authenticate", _authenticate, "client_secret outcome publishable_key"),
        ("POST", "payment_intents/{id}/status", _force, "status"),
        ("POST", "reviews", _open_review, "payment_intent"),
        ("POST", "reviews/{id}/close", _close_review, "reason"),
        ("POST", "refunds", _refund, "payment_intent amount reason"),
        ("POST", "refunds/{id}/status", _move_refund, "status failure_reason"),
        ("POST", "circumstances", _circumstances, " ".join(_CIRCUMSTANCES)),
        ("POST", "payouts", _pay_out, "api_key currency amount"),
        (
            "POST",
            "balance_transactions",
            _book,
            "api_key category amount currency fee payment_intent description",
        ),
        ("POST", "report_runs/{id}/status", _move_report, "status error"),
        ("POST", "drift", _drift, "kind subject"),
        ("DELETE", "drift", _end_drift, ""),
        ("POST", "clock", _advance, "advance_s"),
        ("GET", "books", _books, ""),
        ("POST", "reset", _reset, ""),
    )
}


async def read_body(request: web.Request, known: frozenset[str]) -> Body:
    """Return a JSON object of known fields; raises `ApiError`."""
    text = await request.text()
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        raise ApiError(400, f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "the body is no JSON object")
    unknown = sorted(set(body) - known)
    if unknown:
        raise ApiError(400, f"unknown: {', '.join(unknown)}", "parameter_unknown", unknown[0])
    wrong = [
        name
        for name, value in body.items()
        if not isinstance(value, _FAULT_FIELDS.get(name, object))
    ]
    if wrong:
        raise ApiError(400, f"of the wrong type: {', '.join(wrong)}", param=wrong[0])
    return body


def _text(body: Body, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise ApiError(400, f"{name} must be a string", param=name)
    return value


def _texts(body: Body, name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ApiError(400, f"{name} must be an array of strings", param=name)
    return value


def _number(body: Body, name: str, default: float | None = None) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(400, f"{name} must be a number", param=name)
    return value
