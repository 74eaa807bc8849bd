"""Errors as Stripe's API says them, and the ones that several modules raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JsonDict = dict[str, object]

DOCUMENTATION = "https://docs.stripe.com/error-codes/"


@dataclass
class ApiError(Exception):
    """One error answer: `status` and what goes into its `error` object."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"
    more: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    before_execution: bool = False
    """Refused before the endpoint ran: not kept under an idempotency key."""

    def body(self) -> JsonDict:
        """Return the answer's JSON; fields that say nothing are left out, as Stripe does."""
        said: JsonDict = {"type": self.type, "message": self.message}
        if self.code:
            said |= {"code": self.code, "doc_url": DOCUMENTATION + self.code.replace("_", "-")}
        if self.param:
            said["param"] = self.param
        return {"error": said | dict(self.more)}


def invalid(message: str, param: str, code: str | None = None) -> ApiError:
    """Return a 400 about one parameter, found while the endpoint runs."""
    return ApiError(400, message, code, param)


def refused_parameter(message: str, param: str, code: str | None = None) -> ApiError:
    """Return a 400 about one parameter, found before the endpoint runs."""
    return ApiError(400, message, code, param, before_execution=True)


def missing(kind: str, object_id: str, param: str, *, in_path: bool) -> ApiError:
    """Return the answer for an id that is not in the books: 404 in a path, 400 in a parameter."""
    message = f"No such {kind}: '{object_id}'"
    return ApiError(404 if in_path else 400, message, "resource_missing", param)
