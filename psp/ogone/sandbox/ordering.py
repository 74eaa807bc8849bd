"""New orders: by DirectLink, and what both ways of paying share."""

from __future__ import annotations

from psp.ogone.sandbox.acquiring import Doubt, Outcome, challenged, charged, declined, doubted
from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.checking import RECURRING, Terms, read_terms
from psp.ogone.sandbox.entering import is_expired, read_card
from psp.ogone.sandbox.model import Card, Payment
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.refusals import AUTHENTICATION_UNAVAILABLE, invalid

_BROWSER_FIELDS = ("HTTP_ACCEPT", "HTTP_USER_AGENT", "ACCEPTURL", "DECLINEURL", "EXCEPTIONURL")


def order_direct(books: Books, parameters: Parameters, doubt: Doubt) -> tuple[Payment, Terms]:
    """orderdirect.asp: a card or an alias is charged; raises `Refusal`, which leaves nothing.

    `doubt` is a fault's.
    """
    terms = read_terms(parameters)
    card = _card(books, terms, parameters)
    may_challenge = parameters.text("FLAG3D") == "Y"
    if may_challenge:
        missing = [name for name in _BROWSER_FIELDS if not parameters.text(name)]
        if missing:
            raise invalid(f"FLAG3D=Y needs {', '.join(missing)}")
    books.check_new(terms.order_id, may_try_again=False)
    payment = new_payment(books, terms, card, parameters.ip)
    if parameters.text("CARDNO"):
        keep_alias(books, payment, terms)
    outcome = _outcome(books, payment, terms, doubt, may_challenge=may_challenge)
    books.record(
        payment, terms.operation, terms.family, terms.amount, outcome, tell=outcome != challenged()
    )
    return payment, terms


def new_payment(books: Books, terms: Terms, card: Card, ip: str) -> Payment:
    """Enter a payment that has no history yet."""
    payment = Payment(
        payid=books.world.ids.payid(),
        order_id=terms.order_id,
        amount=terms.amount,
        currency=terms.currency,
        operation=terms.operation,
        card=card,
        created=books.now(),
        eci=terms.eci,
        alias=terms.alias,
        ip=ip,
        encoding=terms.encoding,
        complus=terms.complus,
        paramplus=terms.paramplus or {},
    )
    books.add(payment)
    return payment


def keep_alias(books: Books, payment: Payment, terms: Terms) -> None:
    """Create the alias that the order asks for, whatever becomes of the order (Ogone, Alias)."""
    if terms.alias_by_psp and not payment.alias:
        payment.alias = books.world.ids.token()
    if payment.alias:
        books.save_alias(payment.alias, payment.card, terms.alias_usage)


def needs_shopper(card: Card, eci: str) -> bool:
    """Return whether the card's bank asks the shopper: not where the shopper is away."""
    return card.behaviour.three_d_secure and eci != RECURRING


def _outcome(
    books: Books, payment: Payment, terms: Terms, doubt: Doubt, *, may_challenge: bool
) -> Outcome:
    if needs_shopper(payment.card, terms.eci):
        return challenged() if may_challenge else declined(AUTHENTICATION_UNAVAILABLE)
    return charge(books, payment, terms, doubt)


def charge(books: Books, payment: Payment, terms: Terms, doubt: Doubt) -> Outcome:
    """Return what the acquirer makes of an order whose shopper need not be asked any more."""
    expired = is_expired(payment.card, books.now())
    outcome = charged(payment.card.behaviour, terms.family, expired=expired)
    return doubted(terms.family, doubt) or outcome


def _card(books: Books, terms: Terms, parameters: Parameters) -> Card:
    number = parameters.text("CARDNO")
    if not number:
        if not terms.alias:
            raise invalid("CARDNO or ALIAS is missing")
        return books.alias(terms.alias).card
    return read_card(number, parameters.text("ED"), parameters.text("CVC"), terms.holder)
