"""librdkafka's own options as an operator gives them: parsed, and kept off what is ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

Option = str | int | float | bool

_FILE: Final = "file:"
_OURS: Final = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.protocol",
        "metadata.broker.list",
        "request.required.acks",
        "transactional.id",
    }
)
"""What at-least-once delivery depends on, or another setting says."""


def read_options(text: str) -> Mapping[str, Option]:
    """Return the options in a JSON object, or in the file that `file:PATH` names.

    Raises `ValueError`, whose message shows no value: some of them are passwords.
    """
    options = _json_object(_contents(text))
    ours = sorted(_OURS & options.keys())
    if ours:
        raise ValueError(f"sets {', '.join(ours)}, which the gateway decides itself")
    for name, value in options.items():
        if not isinstance(value, str | int | float | bool):
            raise ValueError(f"gives {name} a value that is no text, number, true or false")  # noqa: TRY004 - pydantic reports a ValueError
    return options


def _contents(text: str) -> str:
    if not text.startswith(_FILE):
        return text
    path = text.removeprefix(_FILE)
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names {path}, which cannot be read ({type(error).__name__})") from None


def _json_object(text: str) -> dict[str, Option]:
    try:
        parsed = json.loads(text)
    except ValueError:
        raise ValueError("is no JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("is JSON, but no object")  # noqa: TRY004 - as above
    return parsed
