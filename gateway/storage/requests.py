"""Requests as rows: begun, answered, forgotten, or taken over from a caller that died."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.requests import JsonAnswer, RequestKey, StoredRequest
from gateway.storage.database import Database, Row
from gateway.storage.tables import requests
from gateway.storage.writes import Write


def matches_key(
    caller: sa.ColumnElement[Any], method: sa.ColumnElement[Any], request_id: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Return the condition that three columns are the key of `key_parameters`."""
    return sa.and_(
        caller == sa.bindparam("key_caller"),
        method == sa.bindparam("key_method"),
        request_id == sa.bindparam("key_request_id"),
    )


def key_parameters(key: RequestKey) -> Mapping[str, str]:
    """Return the parameters of `matches_key`."""
    return {
        "key_caller": key.caller,
        "key_method": key.method,
        "key_request_id": key.request_id,
    }


_THIS: Final = matches_key(requests.c.caller, requests.c.method, requests.c.request_id)
_INSERT: Final = sa.insert(requests)
_ANSWER: Final = (
    sa.update(requests).where(_THIS).values(answer_json=sa.bindparam("new_answer_json"))
)
_DELETE: Final = sa.delete(requests).where(_THIS)
_TAKE_OVER: Final = (
    sa.update(requests)
    .where(
        _THIS,
        requests.c.create_time == sa.bindparam("read_create_time"),
        requests.c.answer_json.is_(None),
    )
    .values(create_time=sa.bindparam("new_create_time"))
)
_GET: Final = sa.select(requests).where(_THIS)


def insert_request(request: StoredRequest) -> Write:
    """Store a request that begins; a second one of the same key exists already."""
    return Write(
        _INSERT,
        {
            "caller": request.key.caller,
            "method": request.key.method,
            "request_id": request.key.request_id,
            "fingerprint": request.fingerprint,
            "resource_id": request.resource_id,
            "answer_json": None if request.answer is None else json.dumps(request.answer),
            "create_time": request.create_time,
        },
    )


def answer_request(key: RequestKey, answer: JsonAnswer) -> Write:
    """Store what a request was answered."""
    return Write(_ANSWER, {**key_parameters(key), "new_answer_json": json.dumps(answer)})


def delete_request(key: RequestKey) -> Write:
    """Forget a request, so that it can be made again."""
    return Write(_DELETE, key_parameters(key))


def takeover_request(request: StoredRequest, *, now: datetime) -> Write:
    """Begin a request anew that was read without an answer.

    Fails as "request_claim" if somebody else took it over since, or it was answered.
    """
    parameters = {
        **key_parameters(request.key),
        "read_create_time": request.create_time,
        "new_create_time": now,
    }
    return Write(_TAKE_OVER, parameters, guard="request_claim")


async def get_request(database: Database, key: RequestKey) -> StoredRequest | None:
    """Return a request, or None if it was never made."""
    rows = await database.fetch(_GET, key_parameters(key))
    return request_of(rows[0]) if rows else None


def request_of(row: Row) -> StoredRequest:
    """Read a row of the table."""
    caller, method, request_id, fingerprint, resource_id, answer_json, create_time = row
    return StoredRequest(
        key=RequestKey(caller, method, request_id),
        fingerprint=fingerprint,
        resource_id=resource_id,
        create_time=create_time,
        answer=None if answer_json is None else json.loads(answer_json),
    )
