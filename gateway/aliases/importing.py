"""ImportAliases: a mapping file streamed in, carried out batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog
from pydantic import TypeAdapter

from gateway.aliases.import_lines import HeaderError, LineReader
from gateway.aliases.import_rules import Known, Move, Skip, Verdict, judge
from gateway.aliases.import_values import (
    ImportOptions,
    ImportSummary,
    MappingLine,
    Refusal,
    Tally,
)
from gateway.aliases.sources import at_once
from gateway.answers import require_same, still_running
from gateway.clock import Clock
from gateway.domain.requests import JsonAnswer, StoredRequest
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.storage.aliases import (
    customers_by_id,
    customers_by_psp,
    insert_alias_links,
    insert_customers,
    links_of_moved,
    links_of_names,
)
from gateway.storage.database import Database
from gateway.storage.requests import (
    answer_request,
    delete_request,
    get_request,
    insert_request,
    takeover_request,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from legacy_bridge.port import MOST_NAMES, BackOffice
from psp.port import Capability, PaymentServiceProvider

_log = structlog.get_logger(__name__)
BATCH_LINES: Final = 500
"""Lines in one commit, and in one question to the back office."""
_MOST_ROUNDS: Final = 5
_RETRY_AFTER_S: Final = 5.0
_SUMMARY: Final = TypeAdapter(ImportSummary)
_SUMMARY_KEY: Final = "summary"
_DIGEST_KEY: Final = "digest"

Line = MappingLine | Refusal


class AliasImports:
    """Links legacy aliases to the cards they became. The same file again changes nothing."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentServiceProvider],
        back_office: BackOffice,
        routing: RoutingSource,
        shield: Shield,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        if BATCH_LINES > MOST_NAMES:
            raise ValueError("a batch asks the back office once")
        self._database = database
        self._providers = providers
        self._back_office = back_office
        self._routing = routing
        self._shield = shield
        self._clock = clock
        self._lease = lease

    async def run(self, options: ImportOptions, chunks: AsyncIterator[bytes]) -> ImportSummary:
        """Carry a file out, in batches that are each committed whole, and count what became of it.

        A caller who leaves half-way leaves whole batches behind: the same file again goes on from
        there. Raises `PaygateError` and `BackOfficeUnavailableError`.
        """
        self._check(options)
        stored = await get_request(self._database, options.key)
        if stored is not None:
            require_same(stored, options.fingerprint)
            if stored.answer is not None:
                return await _answered(stored, chunks)
        await self._begin(options, stored)
        try:
            summary, digest = await self._read(options, chunks)
        except BaseException:
            # Also a caller who left: the batches that are done are found done by the next one.
            await self._shield.run(self._database.commit([delete_request(options.key)]))
            raise
        answer: JsonAnswer = {
            _DIGEST_KEY: digest,
            _SUMMARY_KEY: _SUMMARY.dump_python(summary, mode="json"),
        }
        await self._shield.run(self._database.commit([answer_request(options.key, answer)]))
        return summary

    def _check(self, options: ImportOptions) -> None:
        accounts = self._routing.table.accounts
        violations = []
        if options.psp_account not in accounts or not self._lists_aliases(options.psp_account):
            violations.append(
                FieldViolation("options.psp_account", "is no account whose PSP keeps saved methods")
            )
        legacy = options.legacy_account
        if legacy and (legacy not in accounts or self._lists_aliases(legacy)):
            violations.append(
                FieldViolation(
                    "options.legacy_account", "is no account whose aliases the back office keeps"
                )
            )
        if violations:
            raise PaygateError(
                Reason.INVALID_FIELDS, "the accounts do not fit an import", fields=violations
            )

    def _lists_aliases(self, account: str) -> bool:
        return Capability.ALIASES in self._providers[account].capabilities

    async def _begin(self, options: ImportOptions, stored: StoredRequest | None) -> None:
        now = self._clock()
        if stored is not None and now < stored.create_time + self._lease:
            raise still_running(stored, now, _RETRY_AFTER_S)
        request = StoredRequest(options.key, options.fingerprint, options.psp_account, now)
        begin = insert_request(request) if stored is None else takeover_request(stored, now=now)
        try:
            await self._database.commit([begin])
        except (AlreadyExistsError, GuardFailedError):
            raise still_running(request, now, _RETRY_AFTER_S) from None

    async def _read(
        self, options: ImportOptions, chunks: AsyncIterator[bytes]
    ) -> tuple[ImportSummary, str]:
        reader, tally, digest = LineReader(), Tally(), hashlib.sha256()
        batch: list[Line] = []
        try:
            async for chunk in chunks:
                digest.update(chunk)
                for line in reader.feed(chunk):
                    batch.append(line)
                    if len(batch) == BATCH_LINES:
                        await self._shield.run(self._apply(options, batch, tally))
                        batch = []
            batch += reader.finish()
        except HeaderError as error:
            raise PaygateError(
                Reason.INVALID_FIELDS, str(error), fields=[FieldViolation("chunk", str(error))]
            ) from error
        if batch:
            await self._shield.run(self._apply(options, batch, tally))
        summary = tally.summary()
        _log.info(
            "aliases_imported",
            psp_account=options.psp_account,
            lines=summary.lines,
            moved=summary.moved,
            skipped=summary.skipped,
            refused=summary.refused,
        )
        return summary, digest.hexdigest()

    async def _apply(self, options: ImportOptions, batch: Sequence[Line], tally: Tally) -> None:
        """Carry one batch out, whole, and count it."""
        lines = [line for line in batch if isinstance(line, MappingLine)]
        for _ in range(_MOST_ROUNDS):
            verdicts = await self._judged(options, lines)
            moves = [verdict for verdict in verdicts if isinstance(verdict, Move)]
            try:
                await self._database.commit(self._writes(options, moves))
            except AlreadyExistsError:
                continue  # another import, or EnsureCustomer, was faster: judge anew
            break
        else:
            raise PaygateError(
                Reason.OPERATION_IN_PROGRESS,
                "the same aliases are being imported by many at once: send the file again later",
                retry_after_s=_RETRY_AFTER_S,
            )
        tally.moved(len(moves))
        tally.skipped(sum(isinstance(verdict, Skip) for verdict in verdicts))
        refusals = [each for each in (*batch, *verdicts) if isinstance(each, Refusal)]
        tally.refused(sorted(refusals, key=lambda refusal: refusal.number))

    async def _judged(
        self, options: ImportOptions, lines: Sequence[MappingLine]
    ) -> Sequence[Verdict]:
        known = await self._known(options, lines)
        verdicts: list[Verdict] = []
        for line in lines:
            verdict = judge(line, known, options)
            if isinstance(verdict, Move):
                known.add(verdict.link)
            verdicts.append(verdict)
        return verdicts

    async def _known(self, options: ImportOptions, lines: Sequence[MappingLine]) -> Known:
        database, account = self._database, options.psp_account
        known = Known(
            *await at_once(
                links_of_names(database, {line.old_card_id for line in lines}),
                links_of_moved(database, account, {line.card_id for line in lines}),
                customers_by_id(database, account, {line.old_customer_id for line in lines}),
                customers_by_psp(database, account, {line.customer_id for line in lines}),
            )
        )
        names = {line.old_card_id for line in lines if not known.was_moved(line, options)}
        if names:
            for alias in await self._back_office.find_aliases(names):
                known.legacy.setdefault(alias.alias, []).append(alias)
        return known

    def _writes(self, options: ImportOptions, moves: Sequence[Move]) -> Sequence[Write]:
        if not moves:
            return []
        links = [move.link for move in moves]
        writes = [insert_alias_links(links, self._clock())]
        new = [
            (move.link.customer_id, move.link.psp_customer)
            for move in moves
            if move.is_new_customer
        ]
        if new:
            writes.append(insert_customers(options.psp_account, new))
        return writes


async def _answered(stored: StoredRequest, chunks: AsyncIterator[bytes]) -> ImportSummary:
    """Return what this very file was answered; it is read, and nothing is done."""
    answer = stored.answer or {}
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
    if digest.hexdigest() != answer[_DIGEST_KEY]:
        raise PaygateError(
            Reason.REQUEST_ID_REUSED,
            f"request_id {stored.key.request_id} was used for another file: make a new UUID",
            metadata={"request_id": stored.key.request_id},
        )
    return _SUMMARY.validate_python(answer[_SUMMARY_KEY])
