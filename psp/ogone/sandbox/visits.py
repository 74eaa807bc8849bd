"""A shopper's visits: paying on the hosted page, and the bank's question of both ways to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psp.ogone.sandbox.acquiring import (
    NOT_AUTHORISED,
    OUTCOME_TEXTS,
    Doubt,
    Outcome,
    abandoned,
    challenged,
    declined,
)
from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.cards import Behaviour
from psp.ogone.sandbox.checking import Terms
from psp.ogone.sandbox.entering import check_cvc, read_card
from psp.ogone.sandbox.feedback import feedback, with_feedback
from psp.ogone.sandbox.model import Card, Payment
from psp.ogone.sandbox.ordering import charge, keep_alias, needs_shopper, new_payment
from psp.ogone.sandbox.pages import authentication_page, payment_page, plain_page
from psp.ogone.sandbox.refusals import NOT_AUTHENTICATED, Refusal, invalid
from psp.ogone.sandbox.statuses import meaning

_NO_CARD = Card("", "", "", Behaviour(brand=""))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a browser gets: a page, or where to go next."""

    html: str = ""
    location: str = ""
    status: int = 200


@dataclass(slots=True)
class Visit:
    """One shopper with one order."""

    books: Books
    terms: Terms
    ip: str
    tries_left: int
    asked: Payment | None = None
    """The payment whose bank asks."""
    base: str = ""
    """How the addresses of its pages begin."""
    token: str = ""
    doubt: Doubt = Doubt.NONE
    """A fault that came before the bank asked, and shows after it."""
    ended: Shown | None = None

    def page(self, name: str) -> str:
        """Return the address of its page: `pay` or `acs`."""
        return f"{self.base}/{name}/{self.token}"

    # ------------------------------------------------------------ what is seen
    def show(self, problem: str = "") -> Shown:
        """Return the payment page, or what came of it once that is over."""
        if self.ended is not None:
            return self.ended
        terms = self.terms
        html = payment_page(
            order_id=terms.order_id,
            pspid=self.books.account.pspid,
            amount=terms.amount,
            currency=terms.currency,
            action=self.page("pay"),
            holder=terms.holder,
            alias=self.books.aliases.get(terms.alias),
            problem=problem,
        )
        return Shown(html)

    def show_question(self) -> Shown:
        """Return the bank's page, or what came of it once that is over."""
        if self.ended is not None or self.asked is None:
            return self.show()
        terms = self.terms
        html = authentication_page(terms.order_id, terms.amount, terms.currency, self.page("acs"))
        return Shown(html)

    # ------------------------------------------------------------ what is done
    def pay(self, form: Mapping[str, str], doubt: Doubt) -> Shown:
        """Pay with what was typed; what was mistyped is asked for again, and costs no try."""
        if self.ended is not None:
            return self.ended
        number = form.get("CARDNO", "")
        try:
            self.books.check_new(self.terms.order_id, may_try_again=True)
            card = self._typed(number, form)
        except Refusal as refusal:
            return self.show(refusal.ncerrorplus)
        payment = new_payment(self.books, self.terms, card, self.ip)
        if number:
            keep_alias(self.books, payment, self.terms)
        if needs_shopper(card, self.terms.eci):
            self._record(payment, challenged(), tell=False)
            self.asked, self.doubt = payment, doubt
            return Shown(location=self.page("acs"), status=303)
        outcome = charge(self.books, payment, self.terms, doubt)
        self._record(payment, outcome, tell=self._is_last(outcome))
        return self._after(payment, outcome)

    def answer(self, *, confirms: bool, doubt: Doubt) -> Shown:
        """Answer the bank's question."""
        if self.ended is not None or self.asked is None:
            return self.show()
        payment, self.asked = self.asked, None
        if self.books.payment("", self.terms.order_id) is not payment:
            # Paid in another window meanwhile: this attempt stays where it is.
            return Shown(plain_page("Too late", "This order was paid by another attempt."))
        outcome = declined(NOT_AUTHENTICATED)
        if confirms:
            told = self.doubt if doubt is Doubt.NONE else doubt
            outcome = charge(self.books, payment, self.terms, told)
        self.books.write(payment, payment.first, outcome, tell=self._is_last(outcome))
        return self._after(payment, outcome)

    def cancel(self) -> Shown:
        """Leave without paying."""
        if self.ended is not None:
            return self.ended
        try:
            self.books.check_new(self.terms.order_id, may_try_again=True)
        except Refusal as refusal:
            return self.show(refusal.ncerrorplus)
        payment = new_payment(self.books, self.terms, _NO_CARD, self.ip)
        self._record(payment, abandoned(), tell=True)
        return self._after(payment, abandoned())

    def _typed(self, number: str, form: Mapping[str, str]) -> Card:
        known = self.books.aliases.get(self.terms.alias)
        cvc = form.get("CVC", "")
        if not number and known is not None:
            check_cvc(cvc)
            return known.card
        holder = form.get("CN", "")[:35] or self.terms.holder
        card = read_card(number, form.get("EXPIRY", ""), cvc, holder)
        if self.terms.brand not in {"", card.behaviour.brand}:
            raise invalid(f"only {self.terms.brand} is taken for this order")
        return card

    def _record(self, payment: Payment, outcome: Outcome, *, tell: bool) -> None:
        terms = self.terms
        self.books.record(payment, terms.operation, terms.family, terms.amount, outcome, tell=tell)

    def _is_last(self, outcome: Outcome) -> bool:
        # Ogone e-Commerce: nobody is told of a decline while the shopper may try again.
        return outcome.status != NOT_AUTHORISED or self.tries_left <= 1

    def _after(self, payment: Payment, outcome: Outcome) -> Shown:
        if not self._is_last(outcome):
            self.tries_left -= 1
            return self.show(f"Not paid: {OUTCOME_TEXTS[outcome.ncerror]}. Please try again.")
        url = self.terms.urls.after(outcome.status)
        if url:
            told = feedback(self.books.account, payment, payment.first)
            target = with_feedback(url, told, payment.encoding)
            self.ended = Shown(location=target, status=303)
        else:
            self.ended = Shown(plain_page("Thank you", f"{meaning(outcome.status)}."))
        return self.ended
