"""ReconciliationService: requests to what the use cases take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from gateway.api import texts, values
from gateway.api.call import Call
from gateway.api.enums import DISCREPANCY_RESOLUTIONS, DISCREPANCY_STATES, DISCREPANCY_TYPES
from gateway.api.fields import RequestReader
from gateway.api.page_tokens import cursor_of, page_token
from gateway.domain.discrepancy import DiscrepancyFilter
from gateway.domain.requests import RequestKey
from gateway.reconciliation.commands import ResolveCommand, RunCommand
from paygate.v1 import reconciliation_service_pb2 as pb
from psp.settlements import SettlementPeriod

_LIST: Final = "ListDiscrepancies"
_MOST_DAYS: Final = 366
_MOST_ACCOUNTS: Final = 10
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# What gateway.ids.new_id makes.
_RUN_ID: Final = re.compile(r"rec_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)
_DISCREPANCY_ID: Final = re.compile(r"dis_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CountryDayQuery:
    """A country's day over several accounts."""

    country_code: str
    day: date
    psp_accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiscrepanciesQuery:
    """One page of ListDiscrepancies."""

    wanted: DiscrepancyFilter
    filters: tuple[str, ...]
    """The same as texts, for the page tokens."""
    before_id: str
    """Id of the last discrepancy of the page before; empty for the first page."""
    page_size: int

    def next_token(self, last_id: str) -> str:
        """Return the token of the page after this one."""
        return page_token(_LIST, self.filters, last_id)


def read_run(request: pb.RunReconciliationRequest, call: Call) -> RunCommand:
    """Parse a RunReconciliationRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    psp_account = reader.read("psp_account", values.identifier, request.psp_account)
    first_day = reader.read("first_day", day, request.first_day)
    last_day = reader.read("last_day", day, request.last_day)
    if first_day.is_read and last_day.is_read:
        days = (last_day.value - first_day.value).days + 1
        if days < 1:
            reader.refuse("last_day", "is before first_day: a period ends after it begins")
        if days > _MOST_DAYS:
            reader.refuse("last_day", f"makes {days} days: at most {_MOST_DAYS} in one run")
    reader.finish()
    return RunCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        psp_account=psp_account.value,
        period=SettlementPeriod(first_day.value, last_day.value),
    )


def read_get(request: pb.GetReconciliationRequest) -> str | CountryDayQuery:
    """Return a run's id, or which country's day; raises `PaygateError` with every violation."""
    reader = RequestReader()
    if not request.HasField("country_day"):
        run_id = reader.read("reconciliation_id", reconciliation_id, request.reconciliation_id)
        reader.finish()
        return run_id.value
    given = request.country_day
    country = reader.read("country_day.country_code", values.country_code, given.country_code)
    wanted_day = reader.read("country_day.day", day, given.day)
    accounts = [
        reader.read(f"country_day.psp_accounts[{place}]", values.identifier, account)
        for place, account in enumerate(given.psp_accounts[: _MOST_ACCOUNTS + 1])
    ]
    if not 1 <= len(accounts) <= _MOST_ACCOUNTS:
        reader.refuse("country_day.psp_accounts", f"must be 1 to {_MOST_ACCOUNTS} accounts")
    reader.finish()
    return CountryDayQuery(
        country.value, wanted_day.value, tuple(account.value for account in accounts)
    )


def read_list(request: pb.ListDiscrepanciesRequest) -> DiscrepanciesQuery:
    """Parse a ListDiscrepanciesRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    psp_account = reader.read(
        "psp_account", values.optional(values.identifier), request.psp_account
    )
    state = reader.read("state", DISCREPANCY_STATES.read_optional, request.state)
    kind = reader.read("type", DISCREPANCY_TYPES.read_optional, request.type)
    run_id = reader.read(
        "reconciliation_id", values.optional(reconciliation_id), request.reconciliation_id
    )
    page_size = reader.read("page_size", values.page_size, request.page_size)
    filters = (
        request.psp_account,
        str(request.state),
        str(request.type),
        request.reconciliation_id,
    )
    before_id = reader.read(
        "page_token", cursor_of(_LIST, filters, discrepancy_id, ""), request.page_token
    )
    reader.finish()
    wanted = DiscrepancyFilter(psp_account.value, state.value, kind.value, run_id.value)
    return DiscrepanciesQuery(wanted, filters, before_id.value, page_size.value)


def read_resolve(request: pb.ResolveDiscrepancyRequest, call: Call) -> ResolveCommand:
    """Parse a ResolveDiscrepancyRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    known_id = reader.read("discrepancy_id", discrepancy_id, request.discrepancy_id)
    owner = reader.read("owner", texts.name, request.owner)
    note = reader.read("note", texts.note, request.note)
    resolution = reader.read(
        "resolution", DISCREPANCY_RESOLUTIONS.read_optional, request.resolution
    )
    if not (request.owner or request.note or request.resolution):
        reader.refuse("resolution", "or owner or note is required: there is nothing to store")
    reader.finish()
    return ResolveCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        discrepancy_id=known_id.value,
        owner=owner.value,
        note=note.value,
        resolution=resolution.value,
    )


def day(text: str) -> date:
    """Read a day."""
    if not _DAY.fullmatch(text):
        raise ValueError('must be a day in UTC such as "2026-03-01"')
    return date.fromisoformat(text)


def reconciliation_id(text: str) -> str:
    """Read an id in the form that the gateway gives to runs; it need not exist."""
    if not _RUN_ID.fullmatch(text):
        raise ValueError('must be a reconciliation\'s id as answered, "rec_" and 26 characters')
    return text


def discrepancy_id(text: str) -> str:
    """Read an id in the form that the gateway gives to discrepancies; it need not exist."""
    if not _DISCREPANCY_ID.fullmatch(text):
        raise ValueError('must be a discrepancy\'s id as answered, "dis_" and 26 characters')
    return text
