"""Aliases written as messages, for AliasService and for proposals."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.aliases.import_values import ImportSummary, Refusal
from gateway.aliases.values import ShopperAlias, UnavailableSource
from gateway.api.enums import IMPORT_REFUSALS, METHODS
from paygate.v1 import alias_service_pb2 as alias_pb
from paygate.v1 import proposal_service_pb2 as pb


def alias_message(shopper_alias: ShopperAlias) -> pb.Alias:
    """Write an alias."""
    alias = shopper_alias.alias
    return pb.Alias(
        id=shopper_alias.id,
        method=METHODS.to_wire[alias.method],
        psp_account=shopper_alias.psp_account,
        brand=alias.brand,
        last4=alias.last4,
        expiry_month=alias.expiry_month,
        expiry_year=alias.expiry_year,
        label=alias.label,
        is_default=alias.is_default,
        expired=shopper_alias.has_expired,
    )


def source_messages(sources: Iterable[UnavailableSource]) -> list[pb.UnavailableSource]:
    """Write the sources that did not answer."""
    return [pb.UnavailableSource(source=each.source, reason=each.reason) for each in sources]


def summary_message(summary: ImportSummary) -> alias_pb.ImportAliasesResponse:
    """Write what became of a file."""
    return alias_pb.ImportAliasesResponse(
        lines=summary.lines,
        moved=summary.moved,
        skipped=summary.skipped,
        refused=summary.refused,
        refusals=[_refusal_message(each) for each in summary.refusals],
        refusal_counts=[
            alias_pb.ImportRefusalCount(reason=IMPORT_REFUSALS.to_wire[reason], lines=lines)
            for reason, lines in summary.refusal_counts.items()
        ],
    )


def _refusal_message(refusal: Refusal) -> alias_pb.ImportRefusal:
    return alias_pb.ImportRefusal(
        line_number=refusal.number,
        reason=IMPORT_REFUSALS.to_wire[refusal.reason],
        message=refusal.message,
    )
