"""The tables of the configuration file, each checked by itself; what joins them is elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, StrictInt

from psp.money import MAX_AMOUNT_MINOR
from psp.port import CapturePolicy, PaymentMethod

_STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Table = dict[str, Any]
"""A table that is checked in a step of its own, so that one mistake does not hide the next."""

AmountMinor = Annotated[StrictInt, Field(ge=1, le=MAX_AMOUNT_MINOR)]


def _percent(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number: write 0 to 100, without quotes")  # noqa: TRY004 - pydantic reports a ValueError with its words
    # A float is written as the file writes it: 12.35 has two decimals, however it is stored.
    percent = Decimal(repr(value))
    if not percent.is_finite() or not 0 <= percent <= _ALL_PERCENT:
        raise ValueError("is no part of the shoppers: write 0 to 100")
    if percent != percent.quantize(_FINEST_PERCENT):
        raise ValueError("is too fine: write at most two decimals")
    return percent


_ALL_PERCENT: Final = 100
_FINEST_PERCENT: Final = Decimal("0.01")
Percent = Annotated[Decimal, PlainValidator(_percent)]


class FileTable(BaseModel):
    """The file as a whole."""

    model_config = _STRICT

    accounts: dict[str, Table] = Field(min_length=1)
    countries: dict[str, Table] = Field(min_length=1)
    callers: dict[str, Table] = Field(default_factory=dict)
    """None of them: with certificates on, nobody may call anything."""


class AccountTable(BaseModel):
    """The part of `[accounts.NAME]` that is the gateway's; all other keys are the PSP's."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    psp: str
    retired: StrictBool = False
    refund_rate_per_s: Annotated[float | None, Field(gt=0, le=1000)] = None
    """Refunds of files that go there in a second."""


class CallerTable(BaseModel):
    """`[callers."NAME"]`."""

    model_config = _STRICT

    methods: tuple[str, ...] = Field(min_length=1)


class CountryTable(BaseModel):
    """`[countries.CODE]`."""

    model_config = _STRICT

    currencies: tuple[str, ...] = Field(min_length=1)
    capture_policy: CapturePolicy = CapturePolicy.AT_ORDER
    methods: tuple[Table, ...] = Field(min_length=1)


class MethodTable(BaseModel):
    """`[[countries.CODE.methods]]`."""

    model_config = _STRICT

    method: PaymentMethod
    account: str
    enabled: StrictBool = True
    currencies: tuple[str, ...] | None = Field(default=None, min_length=1)
    """None: all of the country's."""
    limits: dict[str, Table] = Field(default_factory=dict)
    canary: Table | None = None


class CanaryTable(BaseModel):
    """`[countries.CODE.methods.canary]`. No part is assumed: 0 switches it off."""

    model_config = _STRICT

    account: str
    percent: Percent

    @property
    def basis_points(self) -> int:
        """The part in hundredths of a percent."""
        return int(self.percent * 100)


class LimitsTable(BaseModel):
    """`[countries.CODE.methods.limits.CURRENCY]`, in minor units."""

    model_config = _STRICT

    min_amount_minor: AmountMinor | None = None
    max_amount_minor: AmountMinor | None = None
