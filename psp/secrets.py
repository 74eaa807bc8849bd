"""Secrets by reference: configuration names where a secret lies, never the secret itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, SecretStr, ValidationInfo

FOLDER: Final = "folder"
"""Key of pydantic's validation context: the `Path` that a relative `file:` starts from. Without it
that is the working folder."""

_CURE: Final = "write env:NAME (an environment variable) or file:PATH (a file holding only it)"
# Upper case only: a secret pasted behind "env:" by mistake is then not taken for a name and shown.
_VARIABLE_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_MAX_SECRET_BYTES: Final = 64 * 1024


def resolve_secret(reference: object, folder: Path = Path()) -> SecretStr:
    """Return the secret that `env:NAME` or `file:PATH` refers to, without surrounding whitespace.

    A relative path starts from `folder`.
    Raises `ValueError` for anything else, an unset or empty variable, a missing, unreadable or
    empty file. The message names the cure and shows neither the secret nor what might be one.
    """
    scheme, _, place = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if scheme == "env":
        return SecretStr(_from_environment(place))
    if scheme == "file":
        return SecretStr(_from_file(place, folder))
    raise ValueError(f"a secret is given by reference: {_CURE}")


def _from_environment(name: str) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        raise ValueError("env: takes the name of a variable in upper case, such as env:STRIPE_KEY")
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise ValueError(f"the environment variable {name} is not set or empty: export it")
    return secret


def _from_file(place: str, folder: Path) -> str:
    # Only what looks like a path is shown again.
    shown = f"the file {place}" if "/" in place else "the file named after file:"
    path = folder / place
    try:
        if path.stat().st_size > _MAX_SECRET_BYTES:
            raise ValueError(f"{shown} is too large for a secret: let it hold only the secret")
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        message = f"{shown} cannot be read: create it, readable by this process, as UTF-8 text"
        raise ValueError(message) from None
    if not secret:
        raise ValueError(f"{shown} is empty: write the secret into it")
    return secret


def _resolve_in_context(reference: object, info: ValidationInfo) -> SecretStr:
    return resolve_secret(reference, (info.context or {}).get(FOLDER, Path()))


SecretReference = Annotated[SecretStr, BeforeValidator(_resolve_in_context)]
"""A configuration field that holds `env:NAME` or `file:PATH` and reads as the secret itself.

pydantic's error text quotes a field's input: models with such fields set
`hide_input_in_errors=True`, and so must the outermost model that contains them.
"""
