"""Settlements at Ogone: the operations of a period, from the download of payments.

Ogone makes nothing beforehand, so a reference is the period itself. [?] Ogone does not say in
which time zone its days are; they are taken for European ones. A day is over once it is over in
UTC, where it ends last: then it is over for Ogone as well.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import date
from typing import Final

from psp.errors import MisconfiguredError, NotFoundError, RejectedError, ReportUnreadableError
from psp.ogone.client import OgoneCaller
from psp.ogone.download import downloaded
from psp.ogone.download_rows import DownloadError, DownloadRefusedError, Row, RowReader
from psp.ogone.settlement_reading import settlement_entry
from psp.ogone.wording import redacted
from psp.settlements import ReportState, SettlementEntry, SettlementPeriod, SettlementReport

_BETWEEN: Final = "_"


class OgoneSettlements:
    """The books of one PSPID. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: OgoneCaller, clock: Callable[[], float] = time.time) -> None:
        self._caller = caller
        self._clock = clock

    async def start(self, period: SettlementPeriod) -> SettlementReport:
        """Tell whether the period is over; nobody is called."""
        if period.last_day < period.first_day:
            detail = f"a period ends on {period.last_day} before it begins on {period.first_day}"
            raise RejectedError(self._caller.account, detail, "period_invalid")
        if self._clock() < period.until.timestamp():
            detail = f"the day {period.last_day} is not over: it is from {period.until:%Y-%m-%d} on"
            return SettlementReport("", ReportState.NOT_YET, detail)
        reference = f"{period.first_day}{_BETWEEN}{period.last_day}"
        return SettlementReport(reference, ReportState.READY)

    async def retrieve(self, reference: str) -> SettlementReport:
        """Tell that a report is ready: it is made when it is read."""
        self._period(reference)
        return SettlementReport(reference, ReportState.READY)

    async def entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """Stream the operations of a period that moved money; see the port."""
        form = download_form(self._period(reference))
        async with aclosing(self._rows(form)) as rows:
            async for row in rows:
                entry = self._read(row)
                if entry is not None:
                    yield entry

    async def _rows(self, form: Mapping[str, str]) -> AsyncGenerator[Row, None]:
        reader = RowReader()
        try:
            async with aclosing(downloaded(self._caller, form)) as chunks:
                async for chunk in chunks:
                    for row in reader.feed(chunk):
                        yield row
            for row in reader.close():
                yield row
        except DownloadRefusedError as refusal:
            raise self._refused(refusal) from refusal
        except DownloadError as error:
            raise ReportUnreadableError(self._caller.account, str(error)) from error

    def _read(self, row: Row) -> SettlementEntry | None:
        try:
            return settlement_entry(row)
        except DownloadError as error:
            raise ReportUnreadableError(self._caller.account, str(error)) from error

    def _refused(self, refusal: DownloadRefusedError) -> MisconfiguredError:
        # Ogone, "Automatic download": a profile that may not download arrives as SYSTEM_ERROR.
        detail = (
            f"Ogone refuses the download: {redacted(str(refusal))}; check the PSPID, the user and "
            "its right to download files"
        )
        return MisconfiguredError(self._caller.account, detail, "SYSTEM_ERROR")

    def _period(self, reference: str) -> SettlementPeriod:
        first, _, last = reference.partition(_BETWEEN)
        try:
            return SettlementPeriod(date.fromisoformat(first), date.fromisoformat(last))
        except ValueError as error:
            detail = "this is no reference of a download of Ogone's"
            raise NotFoundError(self._caller.account, detail, "report_unknown") from error


def download_form(period: SettlementPeriod) -> dict[str, str]:
    """Return what asks for the operations of a period, by the day that each was paid.

    Ogone, "Automatic download": HISTLEVEL is one row an operation; `afd afm afy` to `atd atm aty`
    are the first and the last payment date, both included.
    """
    return {
        "level": "HISTLEVEL",
        **_day_fields("af", period.first_day),
        **_day_fields("at", period.last_day),
        "format": "XML",
        "structure": "DYN",
    }


def _day_fields(prefix: str, day: date) -> dict[str, str]:
    return {f"{prefix}d": str(day.day), f"{prefix}m": str(day.month), f"{prefix}y": str(day.year)}
