"""What becomes of one line of a mapping file: a pure decision over what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.aliases.import_values import (
    ImportOptions,
    ImportRefusalReason,
    MappingLine,
    Refusal,
)
from gateway.domain.aliases import AliasLink, AliasReference
from legacy_bridge.port import LegacyAlias

_MOVED_OTHERWISE = "the alias was moved before, by a line with other content"


@dataclass(frozen=True, slots=True)
class Move:
    """A line that is to be carried out."""

    link: AliasLink
    is_new_customer: bool
    """Whether the shopper is not linked to the PSP's customer yet."""


class Skip:
    """A line that was carried out before."""


Verdict = Move | Skip | Refusal


class Known:
    """What is known about the lines of one batch; it grows by what they move."""

    def __init__(
        self,
        links: Iterable[AliasLink],
        cards: Iterable[AliasLink],
        customers: Mapping[str, str],
        owners: Mapping[str, str],
    ) -> None:
        self._links: dict[str, list[AliasLink]] = {}
        for link in links:
            self._links.setdefault(link.legacy.psp_alias, []).append(link)
        self._cards = {link.moved_to.psp_alias: link.customer_id for link in cards}
        self._customers = dict(customers)
        self._owners = dict(owners)
        self.legacy: dict[str, list[LegacyAlias]] = {}
        """By name; to be filled for every line that `was_moved` does not settle."""

    def was_moved(self, line: MappingLine, options: ImportOptions) -> bool:
        """Whether this very line was carried out before."""
        return any(
            link.line_digest == line.digest and link.moved_to.psp_account == options.psp_account
            for link in self._links.get(line.old_card_id, ())
        )

    def links_of(self, name: str) -> Sequence[AliasLink]:
        """Return what was moved of legacy aliases of a name."""
        return self._links.get(name, ())

    def psp_customer_of(self, customer_id: str) -> str | None:
        """Return what the PSP calls a shopper; "" while it is being told of her."""
        return self._customers.get(customer_id)

    def owner_of(self, psp_customer: str) -> str | None:
        """Return whose a customer of the PSP is."""
        return self._owners.get(psp_customer)

    def card_owner(self, psp_alias: str) -> str | None:
        """Return for whom a card of the PSP stands for a legacy alias already."""
        return self._cards.get(psp_alias)

    def add(self, link: AliasLink) -> None:
        """Note what a line moves, for the lines after it."""
        self._links.setdefault(link.legacy.psp_alias, []).append(link)
        self._cards[link.moved_to.psp_alias] = link.customer_id
        self._customers[link.customer_id] = link.psp_customer
        self._owners[link.psp_customer] = link.customer_id


def judge(line: MappingLine, known: Known, options: ImportOptions) -> Verdict:
    """Say what becomes of a line."""
    if known.was_moved(line, options):
        return Skip()
    found = _legacy_alias(line, known, options)
    if isinstance(found, Refusal):
        return found
    reference = AliasReference(found.psp_account, found.alias)
    reason = _against_link(reference, known) or _against_card(line, found, known)
    reason = reason or _against_customer(line, known)
    if reason is not None:
        return Refusal(line.number, *reason)
    link = AliasLink(
        legacy=reference,
        moved_to=AliasReference(options.psp_account, line.card_id),
        customer_id=line.old_customer_id,
        psp_customer=line.customer_id,
        line_digest=line.digest,
    )
    return Move(link, is_new_customer=known.psp_customer_of(line.old_customer_id) is None)


def _legacy_alias(line: MappingLine, known: Known, options: ImportOptions) -> LegacyAlias | Refusal:
    named = [
        each
        for each in known.legacy.get(line.old_card_id, ())
        if options.legacy_account in {"", each.psp_account}
    ]
    if not named:
        if known.links_of(line.old_card_id):
            return Refusal(line.number, ImportRefusalReason.OTHER_CONTENT, _MOVED_OTHERWISE)
        message = "the back office knows no alias of this name"
        return Refusal(line.number, ImportRefusalReason.UNKNOWN_ALIAS, message)
    own = [each for each in named if each.customer_id == line.old_customer_id]
    if not own:
        message = "the alias belongs to another customer"
        return Refusal(line.number, ImportRefusalReason.OTHER_CUSTOMER, message)
    if len(own) > 1:
        accounts = ", ".join(sorted(each.psp_account for each in own))
        message = f"the customer has an alias of this name at {accounts}: import with one of them"
        return Refusal(line.number, ImportRefusalReason.AMBIGUOUS_ALIAS, message)
    return own[0]


_Reason = tuple[ImportRefusalReason, str]


def _against_link(reference: AliasReference, known: Known) -> _Reason | None:
    if any(link.legacy == reference for link in known.links_of(reference.psp_alias)):
        return ImportRefusalReason.OTHER_CONTENT, _MOVED_OTHERWISE
    return None


def _against_card(line: MappingLine, alias: LegacyAlias, known: Known) -> _Reason | None:
    if alias.last4 != line.card_last4:
        message = "the card's last four digits are not those of the alias"
        return ImportRefusalReason.OTHER_CARD, message
    if known.card_owner(line.card_id) not in {None, line.old_customer_id}:
        return ImportRefusalReason.TAKEN, "the new card is another customer's already"
    return None


def _against_customer(line: MappingLine, known: Known) -> _Reason | None:
    linked = known.psp_customer_of(line.old_customer_id)
    if linked == "":
        message = "the customer is just being created at the PSP: import the line again later"
        return ImportRefusalReason.LINKED_OTHERWISE, message
    if linked not in {None, line.customer_id}:
        message = "the customer is linked to another customer of the PSP"
        return ImportRefusalReason.LINKED_OTHERWISE, message
    if known.owner_of(line.customer_id) not in {None, line.old_customer_id}:
        return ImportRefusalReason.TAKEN, "the PSP's customer is another customer of ours already"
    return None
