"""What becomes of a command's error: lines that say what to do, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typer.exceptions import TyperException

NEGATIVE: Final = 1
"""The command ran, and its answer is no."""
WRONG: Final = 2
"""Wrong usage or configuration: nothing was done."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command ended that could not do its work."""

    exit_code: int
    lines: Sequence[str]


def failure_of(error: Exception) -> Failure | None:
    """Say what a user can do about an error; None if it is a bug of ours."""
    if isinstance(error, TyperException):
        return Failure(WRONG, [_usage_line(error)])
    # Here, not above: a command that ends well does not pay for loading these.
    from gateway.routing.problems import ConfigurationError  # noqa: PLC0415 - see above
    from gateway.settings import SettingsError  # noqa: PLC0415 - see above
    from gateway.storage.writes import (  # noqa: PLC0415 - see above
        SchemaMissingError,
        StorageUnavailableError,
    )

    if isinstance(error, ConfigurationError | SettingsError):
        return Failure(WRONG, error.lines())
    if isinstance(error, StorageUnavailableError):
        return Failure(NEGATIVE, [f"paygate: the database does not answer: {_one_line(error)}"])
    if isinstance(error, SchemaMissingError):
        return Failure(
            WRONG, ["paygate: the database was never upgraded: run `paygate db upgrade`"]
        )
    if isinstance(error, OSError):
        return Failure(NEGATIVE, [f"paygate: the system refused: {_one_line(error)}"])
    return _failure_of_call(error)


def _failure_of_call(error: Exception) -> Failure | None:
    from gateway.client import PaygateRpcError  # noqa: PLC0415 - only commands that call need it
    from gateway.events.kafka.errors import DeadLetterBoxError  # noqa: PLC0415 - as above
    from gateway.job_lease import LeaseLostError  # noqa: PLC0415 - as above
    from legacy_bridge.errors import BackOfficeError  # noqa: PLC0415 - as above
    from psp.errors import PspError  # noqa: PLC0415 - as above

    if isinstance(error, PaygateRpcError):
        return Failure(NEGATIVE, [f"paygate: the gateway refused: {_one_line(error)}"])
    if isinstance(error, BackOfficeError):
        return Failure(NEGATIVE, [f"paygate: {_one_line(error)}: see PAYGATE_BACK_OFFICE_URL"])
    if isinstance(error, DeadLetterBoxError):
        return Failure(NEGATIVE, [f"paygate: {_one_line(error)}"])
    if isinstance(error, PspError):
        return Failure(NEGATIVE, [f"paygate: {_one_line(error)}"])
    if isinstance(error, LeaseLostError):
        cure = "another process has taken the work over: see there, or run it again"
        return Failure(NEGATIVE, [f"paygate: {_one_line(error)}: {cure}"])
    return None


def _usage_line(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "paygate"
    # pydantic, which typer asks about values, begins its messages so.
    message = _one_line(error.format_message()).replace("Value error, ", "")
    return f"{command}: {message}: see {command} --help"


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
