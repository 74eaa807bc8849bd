"""Parameters that passed their rules, read by name and type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request gives. A value that was unset by an empty string is held as None."""

    values: Mapping[str, object] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether the parameter was sent, be it to unset it."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """Return a string, or None."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def required_text(self, name: str) -> str:
        """Return a string that the rules require."""
        value = self.values[name]
        if not isinstance(value, str):
            raise TypeError(f"{name}: the rules let pass what is no string")
        return value

    def integer(self, name: str) -> int | None:
        """Return an integer, or None."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def required_integer(self, name: str) -> int:
        """Return an integer that the rules require."""
        value = self.values[name]
        if not isinstance(value, int):
            raise TypeError(f"{name}: the rules let pass what is no integer")
        return value

    def flag(self, name: str) -> bool:
        """Return whether a boolean was sent as true."""
        return self.values.get(name) is True

    def texts(self, name: str) -> list[str]:
        """Return an array of strings, or an empty one."""
        value = self.values.get(name)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def below(self, name: str) -> Parameters:
        """Return the parameters of a hash; none if it was not sent."""
        value = self.values.get(name)
        return value if isinstance(value, Parameters) else Parameters()

    def metadata(self) -> dict[str, str]:
        """Return the metadata sent; empty if there is none or it is unset."""
        value = self.values.get("metadata")
        return dict(value) if isinstance(value, dict) else {}

    def bounds(self, name: str) -> dict[str, int]:
        """Return the gt, gte, lt, lte of a range."""
        value = self.values.get(name)
        return dict(value) if isinstance(value, dict) else {}

    def plain(self) -> dict[str, object]:
        """Return the values as JSON holds them."""
        return {
            name: value.plain() if isinstance(value, Parameters) else value
            for name, value in self.values.items()
        }
