"""Reading a request: values out of fields, and every violation at once instead of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.errors import FieldViolation, PaygateError, Reason

S = TypeVar("S")
T = TypeVar("T")


class Parsed(Generic[T]):
    """A field's value, to be taken once `RequestReader.finish` has passed."""

    __slots__ = ("_value",)

    def __init__(self, *value: T) -> None:
        self._value = value

    @property
    def is_read(self) -> bool:
        """Whether there is a value."""
        return bool(self._value)

    @property
    def value(self) -> T:
        """The value; raises `ValueError` if the field was refused."""
        (value,) = self._value
        return value


class RequestReader:
    """Reads the fields of one request and keeps what is wrong with each."""

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def read(self, path: str, parse: Callable[[S], T], given: S) -> Parsed[T]:
        """Parse a field; a `ValueError` of `parse` is a violation and its text the description."""
        try:
            return Parsed(parse(given))
        except ValueError as error:
            self.refuse(path, str(error))
            return Parsed()

    def refuse(self, path: str, description: str) -> None:
        """Keep a violation."""
        self._violations.append(FieldViolation(path, description))

    def finish(self) -> None:
        """Raise `PaygateError` INVALID_FIELDS with all that was refused, if anything was."""
        if self._violations:
            paths = ", ".join(violation.field for violation in self._violations)
            raise PaygateError(
                Reason.INVALID_FIELDS,
                f"missing or malformed: {paths}; see BadRequest for each",
                fields=self._violations,
            )
