"""Parameters checked against a table of rules before an endpoint sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from psp.stripe.sandbox.api_errors import invalid, refused_parameter
from psp.stripe.sandbox.forms import Tree
from psp.stripe.sandbox.parameters import Parameters

# Stripe API, metadata: 50 keys, 40 characters a key, 500 a value.
_MAX_METADATA_KEYS: Final = 50
_MAX_METADATA_KEY: Final = 40
_MAX_METADATA_VALUE: Final = 500


class Kind(Enum):
    """What a parameter's value must be."""

    TEXT = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    TEXTS = auto()
    HASH = auto()
    METADATA = auto()
    RANGE = auto()
    """A Unix time, or a hash of gt, gte, lt, lte."""
    TYPES_REMOVED = auto()
    """`payment_method_types`, which this API version takes no more."""
    NOT_SIMULATED = auto()
    """Stripe knows it, the sandbox would have to ignore it: refused by that name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One parameter of one endpoint."""

    kind: Kind
    required: bool = False
    clearable: bool = True
    """An empty string unsets the value; otherwise it is refused."""
    choices: frozenset[str] = frozenset()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    low: int | None = None
    high: int | None = None
    max_length: int = 5000


def checked(tree: Tree, rules: Mapping[str, Rule], prefix: str = "") -> Parameters:
    """Return the typed parameters; raises `ApiError` for the first that Stripe would refuse."""
    unknown = [_name(prefix, name) for name in tree if name not in rules]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise refused_parameter(message, unknown[0], "parameter_unknown")
    for name, rule in rules.items():
        if rule.required and name not in tree:
            param = _name(prefix, name)
            raise refused_parameter(f"Missing required param: {param}.", param, "parameter_missing")
    return Parameters(
        {name: _value(_name(prefix, name), given, rules[name]) for name, given in tree.items()}
    )


def _value(param: str, given: str | Tree, rule: Rule) -> object:
    if given == "" and rule.kind is not Kind.BOOLEAN:
        if not rule.clearable:
            message = f"You passed an empty string for '{param}'. Remove it or give it a value."
            raise refused_parameter(message, param, "parameter_invalid_empty")
        return None
    return _READERS[rule.kind](param, given, rule)


def _text(param: str, given: str | Tree, rule: Rule) -> str:
    if not isinstance(given, str):
        raise refused_parameter(f"Invalid string: {param}", param)
    if len(given) > rule.max_length:
        message = f"Invalid string: {param} has more than {rule.max_length} characters"
        raise refused_parameter(message, param)
    if rule.choices and given not in rule.choices:
        message = f"Invalid {param}: must be one of {', '.join(sorted(rule.choices))}"
        raise refused_parameter(message, param)
    return given


def _integer(param: str, given: str | Tree, rule: Rule) -> int:
    code = "parameter_invalid_integer"
    digits = given.removeprefix("-") if isinstance(given, str) else ""
    if not isinstance(given, str) or not (digits.isascii() and digits.isdigit()):
        raise refused_parameter(f"Invalid integer: {given}", param, code)
    number = int(given[:20])
    if rule.low is not None and number < rule.low:
        message = f"This value must be greater than or equal to {rule.low}."
        raise refused_parameter(message, param, code)
    if rule.high is not None and number > rule.high:
        message = f"This value must be less than or equal to {rule.high}."
        raise refused_parameter(message, param, code)
    return number


def _boolean(param: str, given: str | Tree, _rule: Rule) -> bool:
    if given not in {"true", "false"}:
        raise refused_parameter(f"Invalid boolean: {given}", param)
    return given == "true"


def _texts(param: str, given: str | Tree, rule: Rule) -> list[str]:
    if not isinstance(given, dict) or not all(key.isdigit() for key in given):
        raise refused_parameter("Invalid array", param)
    return [
        _text(_name(param, key), given[key], rule)
        for key in sorted(given, key=int)  # as the SDK counted them, not as they came
    ]


def _hash(param: str, given: str | Tree, rule: Rule) -> Parameters:
    if not isinstance(given, dict):
        raise refused_parameter("Invalid object", param)
    return checked(given, rule.rules, param)


def _metadata(param: str, given: str | Tree, _rule: Rule) -> dict[str, str]:
    if not isinstance(given, dict):
        raise refused_parameter("Invalid object", param)
    notes: dict[str, str] = {}
    for key, value in given.items():
        too_long = len(key) > _MAX_METADATA_KEY or len(value) > _MAX_METADATA_VALUE
        if not isinstance(value, str) or too_long:
            message = (
                f"Metadata keys have at most {_MAX_METADATA_KEY} characters, "
                f"values are strings of at most {_MAX_METADATA_VALUE}."
            )
            raise refused_parameter(message, _name(param, key))
        notes[key] = value
    return notes


def _range(param: str, given: str | Tree, rule: Rule) -> dict[str, int]:
    if isinstance(given, str):
        moment = _integer(param, given, rule)
        return {"gte": moment, "lte": moment}
    bounds = checked(given, _BOUNDS, param)
    return {name: bounds.required_integer(name) for name in given}


def _not_simulated(param: str, _given: str | Tree, _rule: Rule) -> object:
    message = f"This sandbox does not simulate {param}: leave it out, or test it at Stripe."
    raise refused_parameter(message, param, "parameter_not_simulated")


def _types_removed(param: str, _given: str | Tree, _rule: Rule) -> object:
    # Stripe, changelog 2026-09-30.endive: removed from Payment Intents and Setup Intents.
    message = (
        f"`{param}` is no longer supported. Use `allowed_payment_method_types`, or leave it out "
        "for dynamic payment methods."
    )
    raise refused_parameter(message, param, "payment_method_types_no_longer_supported")


def merged_metadata(kept: dict[str, str], parameters: Parameters) -> dict[str, str]:
    """Return metadata after an update: an empty value drops its key, an empty hash drops all."""
    if not parameters.has("metadata"):
        return kept
    notes = parameters.metadata()
    merged = kept | notes if notes else {}
    merged = {key: value for key, value in merged.items() if value}
    if len(merged) > _MAX_METADATA_KEYS:
        raise invalid(f"Metadata holds at most {_MAX_METADATA_KEYS} keys.", "metadata")
    return merged


def _name(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


_READERS: Final[Mapping[Kind, Callable[[str, str | Tree, Rule], object]]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.TEXTS: _texts,
    Kind.HASH: _hash,
    Kind.METADATA: _metadata,
    Kind.RANGE: _range,
    Kind.TYPES_REMOVED: _types_removed,
    Kind.NOT_SIMULATED: _not_simulated,
}
_BOUNDS: Final = {name: Rule(Kind.INTEGER, clearable=False) for name in ("gt", "gte", "lt", "lte")}
