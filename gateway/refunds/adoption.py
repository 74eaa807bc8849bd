"""Payments made before the gateway was: looked up at their PSP once, and pinned to it."""

from __future__ import annotations

from gateway.clock import Clock
from gateway.domain.beginnings import adopt_payment
from gateway.domain.payment import Payment
from gateway.domain.refund_rules import made_elsewhere
from gateway.errors import FieldViolation, PaygateError, Reason, StateViolation
from gateway.payments.books import PaymentBooks
from gateway.payments.sending import ProviderDirectory
from gateway.refunds.commands import RefundedPayment
from gateway.storage.payments import find_payment_by_reference, get_payment
from gateway.storage.refunds import insert_refund
from gateway.storage.writes import AlreadyExistsError
from psp.errors import NotFoundError
from psp.port import Capability, PspPayment, PspStatus


class PaymentAdoption:
    """Finds the payment that a refund is about, and takes it in if only its PSP knows it."""

    def __init__(self, books: PaymentBooks, providers: ProviderDirectory, clock: Clock) -> None:
        self._books = books
        self._providers = providers
        self._clock = clock

    async def find(self, wanted: RefundedPayment) -> Payment:
        """Return the payment; raises `PaygateError` PAYMENT_NOT_FOUND and the PSP's errors."""
        if wanted.payment_id:
            return await self._books.get(wanted.payment_id)
        account, reference = wanted.psp_account, wanted.psp_reference
        known = await find_payment_by_reference(self._books.database, account, reference)
        return known or await self._adopt(wanted)

    async def _adopt(self, wanted: RefundedPayment) -> Payment:
        account, reference = wanted.psp_account, wanted.psp_reference
        try:
            provider = self._providers.provider_at(account)
        except PaygateError:
            # Here a caller named it, and no payment of ours: it is the caller's to mend.
            path, words = "psp_payment.psp_account", "is no account of the configuration"
            raise PaygateError(
                Reason.INVALID_FIELDS,
                f"{path} {words}",
                fields=[FieldViolation(path, words)],
            ) from None
        try:
            word = await provider.retrieve_payment(reference)
        except NotFoundError as error:
            raise _unknown_there(wanted) from error
        known = await self._known(word, account)
        if known is not None:
            return known
        if word.status is not PspStatus.CAPTURED:
            raise _not_captured(wanted, word)
        # As of before: whatever shows up later was made while the gateway looked after it.
        asks = Capability.REFUNDS in provider.capabilities
        given = await provider.list_refunds(word.psp_reference) if asks else ()
        now = self._clock()
        change = adopt_payment(word, account, wanted.order_id, now)
        refunds = [made_elsewhere(change.payment, each, now) for each in given]
        try:
            await self._books.open(change, now, [], [insert_refund(each) for each in refunds])
        except AlreadyExistsError:
            # Two refunds of it came at once; the other one took it in.
            known = await self._known(word, account)
            if known is None:
                raise
            return known
        return change.payment

    async def _known(self, word: PspPayment, account: str) -> Payment | None:
        """Return the payment that the PSP shows if it is here: one payment is one row.

        The PSP may call it otherwise than the caller did, and it may be one of ours of which only
        the PSP knows the reference yet.
        """
        database = self._books.database
        known = await find_payment_by_reference(database, account, word.psp_reference)
        if known is not None or not word.payment_id:
            return known
        named = await get_payment(database, word.payment_id)
        return named if named is not None and named.psp_account == account else None


def _not_captured(wanted: RefundedPayment, word: PspPayment) -> PaygateError:
    account, reference = wanted.psp_account, wanted.psp_reference
    held = f"{reference} is {word.raw_status} at {account}: only captured money is refunded"
    return PaygateError(
        Reason.PAYMENT_STATE,
        held,
        metadata={"psp_account": account, "psp_reference": reference},
        states=[StateViolation("PAYMENT_STATE", f"accounts/{account}/{reference}", held)],
    )


def _unknown_there(wanted: RefundedPayment) -> PaygateError:
    return PaygateError(
        Reason.PAYMENT_NOT_FOUND,
        f"{wanted.psp_account} knows no payment {wanted.psp_reference}: check both",
        metadata={"psp_account": wanted.psp_account, "psp_reference": wanted.psp_reference},
    )
