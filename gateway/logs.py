"""Logging: one line an event, ours and the libraries', with nothing secret in it."""

from __future__ import annotations

import dataclasses
import logging
import re
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.traces import current_trace_id
from psp.redaction import REDACTED, is_card_number, without_secrets

LogFormat = Literal["console", "json"]
"""For a person at a terminal, or one JSON object a line for machines."""

_SECRET_KEY: Final = re.compile(
    r"secret|password|passwd|pswd|credential|token|apikey|privatekey|signature|shasign|shain|shaout"
    r"|cookie|cardnumber|cardno|cvc|cvv|passphrase|^pan$"
    r"|^(proxy)?authorization$"
)
# Whole numbers under these are amounts, sizes and times, whatever their digits add up to.
_MEASURE_KEY: Final = re.compile(r"(^|_)(amount|bytes|minor|s|ms|us|ns)$")
_NOT_IN_A_KEY_NAME: Final = re.compile(r"[^a-z0-9]")
_MAX_DEPTH: Final = 12


class LibraryHandler(logging.StreamHandler[TextIO]):
    """The handler of `configure_logging`, told apart from others' so that it can be replaced."""


def configure_logging(
    log_format: LogFormat, level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Write every event from now on to `stream` (standard error) in one format.

    What libraries log is written the same way, but none of it below INFO: at DEBUG the Stripe SDK
    logs request bodies. May be called again. Raises `ValueError` for an unknown level.
    """
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise ValueError(f"log level {level!r} is unknown: use DEBUG, INFO, WARNING or ERROR")
    lowest, output = levels[level.upper()], sys.stderr if stream is None else stream
    prepare, finish = _preparing(), _finishing(log_format, colors=output.isatty())
    structlog.configure(
        processors=[*prepare, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    handler = LibraryHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*prepare, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if isinstance(one, LibraryHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(lowest, logging.INFO))
    # At INFO it tells on each start that it is there; migrations are told of by us.
    logging.getLogger("alembic").setLevel(max(lowest, logging.WARNING))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take every secret out of an event, at any depth: by the name of its key and by its looks.

    Values that are not plain data are replaced by their text, since that is what would be written.
    """
    return {name: _redacted(name, value, 0) for name, value in event.items()}


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the trace that a line belongs to, if it belongs to one."""
    trace_id = current_trace_id()
    if trace_id:
        event["trace_id"] = trace_id
    return event


def _preparing() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        add_trace_id,
        structlog.processors.add_log_level,
    ]


def _finishing(log_format: LogFormat, *, colors: bool) -> list[Processor]:
    # Tracebacks become text before the redaction, which then covers them too.
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return [
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]


def _redacted(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - events hold anything
    """Return the value as plain data without secrets."""
    if value is None or isinstance(value, bool):
        return value
    if _names_a_secret(key):
        return REDACTED
    if isinstance(value, int | float):
        return REDACTED if _is_card(key, value) else value
    if isinstance(value, str):
        return without_secrets(value)
    if depth >= _MAX_DEPTH:
        return "[too deep]"
    return _redacted_container(key, value, depth + 1)


def _redacted_container(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - as above
    if dataclasses.is_dataclass(value) and not isinstance(value, type | BaseException):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            without_secrets(str(name)): _redacted(str(name), part, depth)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple | AbstractSet):
        return [_redacted(key, part, depth) for part in value]
    return without_secrets(value.isoformat() if isinstance(value, date) else repr(value))


@lru_cache(maxsize=1024)  # a few dozen names make up nearly every event
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(_NOT_IN_A_KEY_NAME.sub("", key.lower())) is not None


def _is_card(key: str, number: float) -> bool:
    return (
        isinstance(number, int)
        and is_card_number(str(number))
        and not _MEASURE_KEY.search(key.lower())
    )
