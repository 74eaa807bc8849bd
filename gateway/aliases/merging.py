"""One list out of what several sources answered: pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.aliases.values import ShopperAlias, UnavailableSource, Wanted
from gateway.domain.aliases import AliasLink, AliasReference, alias_id, has_expired
from legacy_bridge.port import LegacyAlias
from psp.port import PaymentMethod, PspAlias


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What one source said."""

    source: str
    """The account, or `back_office`."""
    aliases: Sequence[ShopperAlias]


Answer = SourceAnswer | UnavailableSource


def merged(
    answers: Sequence[Answer],
    links: Collection[AliasLink],
    chosen: AliasReference | None,
    wanted: Wanted,
) -> Sequence[ShopperAlias]:
    """Return the aliases that are wanted, each card once, the default first.

    A legacy alias that was moved gives way to what stands for it, if the account that it was
    moved to answered: its list is then the truth about the card. While that account is silent, or
    is not to be charged here, the legacy alias is what there is to show.
    """
    answered = [each for each in answers if isinstance(each, SourceAnswer)]
    listed = [alias for each in answered for alias in each.aliases]
    moved = _moved(links, {each.source for each in answered})
    old_defaults = {each.reference for each in listed if each.alias.is_default}
    shown = [
        each
        for each in listed
        if each.reference not in moved and each.alias.method in wanted.get(each.psp_account, ())
    ]
    default = _default(shown, chosen, moved, old_defaults)
    marked = [_as_default(each, is_default=each is default) for each in shown]
    return sorted(marked, key=lambda each: not each.alias.is_default)


def psp_alias(account: str, alias: PspAlias, now: datetime) -> ShopperAlias:
    """Return an alias that a PSP listed."""
    return ShopperAlias(
        id=alias_id(AliasReference(account, alias.psp_alias)),
        psp_account=account,
        alias=alias,
        has_expired=has_expired(alias.expiry_month, alias.expiry_year, now),
    )


def legacy_alias(legacy: LegacyAlias, now: datetime) -> ShopperAlias | None:
    """Return an alias that the back office keeps; None if we know no method of its kind."""
    if legacy.method not in set(PaymentMethod):
        return None
    alias = PspAlias(
        psp_alias=legacy.alias,
        method=PaymentMethod(legacy.method),
        brand=legacy.brand,
        last4=legacy.last4,
        expiry_month=legacy.expiry_month,
        expiry_year=legacy.expiry_year,
        is_default=legacy.is_default,
    )
    return psp_alias(legacy.psp_account, alias, now)


def _moved(
    links: Collection[AliasLink], answered: Collection[str]
) -> dict[AliasReference, AliasReference]:
    return {link.legacy: link.moved_to for link in links if link.moved_to.psp_account in answered}


def _default(
    shown: Sequence[ShopperAlias],
    chosen: AliasReference | None,
    moved: dict[AliasReference, AliasReference],
    old_defaults: Collection[AliasReference],
) -> ShopperAlias | None:
    """Pick the one default: her own choice, else a source's own, else what a moved one became."""
    by_reference = {each.reference: each for each in shown}
    if chosen is not None:
        found = by_reference.get(moved.get(chosen, chosen))
        if found is not None:
            return found
    for each in shown:
        if each.alias.is_default:
            return each
    successors = (moved[old] for old in old_defaults if old in moved)
    return next((by_reference[new] for new in successors if new in by_reference), None)


def _as_default(each: ShopperAlias, *, is_default: bool) -> ShopperAlias:
    if each.alias.is_default == is_default:
        return each
    return replace(each, alias=replace(each.alias, is_default=is_default))
