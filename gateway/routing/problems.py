"""What is wrong with a configuration file: every problem with its place and its cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from psp.secrets import FOLDER

Place = tuple[str | int, ...]
"""Way from the top of the file: keys by name, list entries by number, counted from 0."""

Others = Iterable[str]

ModelT = TypeVar("ModelT", bound=BaseModel)

_UNKNOWN_KEY: Final = "extra_forbidden"

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. None of its texts holds a secret."""

    place: str
    """E.g. `countries.FR.methods[1].account` or `line 3, column 5`; empty: the file as a whole."""
    message: str
    """What is wrong."""
    cure: str = ""
    """What to do; empty if the message says it."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.message, self.cure) if part)


class ConfigurationError(Exception):
    """A configuration that cannot be used, with all of its problems at once."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(self.lines()))

    def lines(self) -> tuple[str, ...]:
        """One line for each problem, naming file, place and cure."""
        return tuple(f"{self.file}: {problem}" for problem in self.problems)


def place_text(place: Place) -> str:
    """Write a place as the file's reader would: `countries.FR.methods[1].account`."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        key = step if _BARE_KEY.fullmatch(step) else f'"{step}"'
        text += f".{key}" if text else key
    return text


def suggestion(word: str, known: Iterable[str]) -> str:
    """Cure for a word that is not one of `known`."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"use one of {', '.join(names)}" if names else "define it first"


class Report:
    """Collects problems while a file is read to its end.

    `folder` is where relative references to secrets start from.
    """

    def __init__(self, folder: Path = Path()) -> None:
        self.problems: list[Problem] = []
        self._context = {FOLDER: folder}

    def add(self, place: Place, message: str, cure: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(place_text(place), message, cure))

    def parse(
        self, model: type[ModelT], table: Mapping[str, object], place: Place, others: Others = ()
    ) -> ModelT | None:
        """Read a table. Note everything that is wrong with it; None if that is more than its keys.

        Unknown keys are noted and passed over, so that what the table says otherwise is looked at
        too. `others` are keys that it may have and the model does not know: for suggestions.
        """
        try:
            return model.model_validate(table, context=self._context)
        except ValidationError as error:
            # Inputs are left out: one of them may be a secret in the wrong place.
            details = _without_echoes(error.errors(include_url=False, include_input=False))
        for detail in details:
            message, cure = _words(detail, {*model.model_fields, *others})
            self.add((*place, *detail["loc"]), message, cure)
        if any(detail["type"] != _UNKNOWN_KEY or len(detail["loc"]) > 1 for detail in details):
            return None
        unknown = {detail["loc"][0] for detail in details}
        known = {key: value for key, value in table.items() if key not in unknown}
        return model.model_validate(known, context=self._context)


def _without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that a list is too short where its entries are there and have problems."""
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(_inside(other["loc"], detail["loc"]) for other in details)
    ]


def _inside(inner: Place, outer: Place) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _words(detail: ErrorDetails, keys: Iterable[str]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == _UNKNOWN_KEY:
        return "is no key of this table", suggestion(str(detail["loc"][-1]), keys)
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "value_error":
        # Validators of our own say what is wrong and what to do in one sentence.
        return str(context["error"]), ""
    if "expected" in context:
        return "is none of the known words", f"use {context['expected']}"
    return detail["msg"][:1].lower() + detail["msg"][1:], "correct the value"


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("is missing", "add it"),
    "dict_type": ("is no table", "write it as a table with its own keys"),
    "tuple_type": ("is no list", "write it in brackets"),
    "string_type": ("is no text", "write it in quotes"),
    "int_type": ("is no whole number", "write it in minor units, without quotes or decimals"),
    "bool_type": ("is neither true nor false", "write true or false, without quotes"),
    "too_short": ("is empty", "name at least one"),
}
"""pydantic's kinds of error that we say better: what is wrong, what to do."""
