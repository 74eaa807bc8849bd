"""The configuration file as data: read whole, bounded in size, parsed as TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from gateway.routing.problems import ConfigurationError, Problem

MAX_FILE_BYTES: Final = 1024 * 1024
"""Some thousand countries' worth; beyond it somebody named the wrong file."""

# "Expected '=' after a key in a key/value pair (at line 3, column 5)", as tomllib writes it.
_SYNTAX: Final = re.compile(r"(?P<message>.*) \(at (?P<place>[^()]*)\)", re.DOTALL)


def read_document(path: Path) -> dict[str, Any]:
    """Return the file's tables. Raises `ConfigurationError`."""
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(path, [_syntax_problem(str(error))]) from None
    except RecursionError:
        raise _refused(path, "is nested too deeply", "write tables under their names") from None
    except ValueError:
        # Of all values, only a number of thousands of digits gets here.
        raise _refused(path, "holds a number that is too long", "shorten it") from None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        cure = "name a configuration file that this process may read"
        raise _refused(path, f"cannot be read: {reason}", cure) from None
    if len(content) > MAX_FILE_BYTES:
        raise _refused(path, f"is larger than {MAX_FILE_BYTES} bytes", "name a configuration file")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(f"line {line}", "is no UTF-8 text", "save the file as UTF-8")
        raise ConfigurationError(path, [problem]) from None


def _syntax_problem(text: str) -> Problem:
    found = _SYNTAX.fullmatch(text)
    message, place = (found["message"], found["place"]) if found else (text, "")
    message = message[:1].lower() + message[1:]
    return Problem(place, f"is no TOML: {message}", "correct the syntax there")


def _refused(path: Path, message: str, cure: str) -> ConfigurationError:
    return ConfigurationError(path, [Problem("", message, cure)])
