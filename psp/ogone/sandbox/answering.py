"""Which page does what: a request without HTTP in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psp.ogone.sandbox.accounts import Accounts
from psp.ogone.sandbox.acquiring import AUTHENTICATING, Doubt
from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.checking import check_signature, check_user, read_terms
from psp.ogone.sandbox.download import download, no_download
from psp.ogone.sandbox.maintaining import maintain
from psp.ogone.sandbox.ordering import order_direct
from psp.ogone.sandbox.pages import plain_page, refusal_page, to_bank
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.querying import query
from psp.ogone.sandbox.refusals import Refusal
from psp.ogone.sandbox.replies import document, refused, reply
from psp.ogone.sandbox.visits import Shown, Visit
from psp.ogone.sandbox.world import World

_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for one of Ogone's pages."""

    method: str
    env: str
    page: str
    token: str
    """Which visit, for a shopper's page."""
    parameters: Parameters

    @property
    def changes(self) -> str:
        """The page's name if it is asked to do something, empty if it only shows itself."""
        decides = self.parameters.text("DECISION") in {"pay", "confirm"}
        return self.page if decides or not self.token else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    body: bytes = b""
    content_type: str = "text/xml"
    status: int = 200
    location: str = ""
    blocks: Iterator[bytes] | None = None
    """The body of an answer that may be of any length."""
    is_cut: bool = False
    """Whether the connection closes where the blocks end."""


class Answerer:
    """Answers every page."""

    def __init__(self, world: World, accounts: Accounts) -> None:
        self._world = world
        self._accounts = accounts
        self._visits: dict[str, Visit] = {}
        self._pages: dict[str, Callable[[Asked, Doubt], Answer]] = {
            "orderdirect": self._order,
            "maintenancedirect": self._maintain,
            "querydirect": self._query,
            "payment_download_ncp": self._download,
            "orderstandard": self._open_visit,
            "pay": self._pay,
            "acs": self._authenticate,
        }

    def forget(self) -> None:
        """Send every shopper away."""
        self._visits.clear()

    def knows(self, asked: Asked) -> bool:
        """Return whether there is such a page."""
        return asked.page in self._pages and (not asked.token or asked.token in self._visits)

    def takes(self, asked: Asked) -> bool:
        """Return whether the page takes the method: all take forms, a shopper's also shows."""
        return asked.method == "POST" or (asked.method == "GET" and bool(asked.token))

    def answer(self, asked: Asked, doubt: Doubt) -> Answer:
        """Answer with everything done whose time has come, before and after."""
        self._accounts.process()
        answer = self._pages[asked.page](asked, doubt)
        self._accounts.process()
        return answer

    # ------------------------------------------------------------ DirectLink
    def _order(self, asked: Asked, doubt: Doubt) -> Answer:
        parameters = asked.parameters
        try:
            books = self._entered(parameters, signed=True)
            payment, terms = order_direct(books, parameters, doubt)
        except Refusal as refusal:
            return _xml(refused(refusal, parameters), parameters)
        page = ""
        if payment.latest.status == AUTHENTICATING:
            # Asked once: a shopper at the bank has one try.
            visit = self._visit(asked, Visit(books, terms, parameters.ip, 1, payment))
            page = to_bank(visit.page("acs"))
        return _xml(reply(payment, payment.first, html_answer=page), parameters)

    def _maintain(self, asked: Asked, doubt: Doubt) -> Answer:
        parameters = asked.parameters
        try:
            books = self._entered(parameters, signed=True)
        except Refusal as refusal:
            return _xml(refused(refusal, parameters), parameters)
        try:
            payment, step = maintain(books, parameters, doubt)
        except Refusal as refusal:
            known = books.payments.get(refusal.payid)
            sub = str(len(known.history)) if known else ""
            return _xml(refused(refusal, parameters, sub), parameters)
        return _xml(reply(payment, step), parameters)

    def _query(self, asked: Asked, _doubt: Doubt) -> Answer:
        parameters = asked.parameters
        try:
            payment, step = query(self._entered(parameters, signed=False), parameters)
        except Refusal as refusal:
            sub = parameters.text("PAYIDSUB")
            return _xml(refused(refusal, parameters, sub), parameters)
        return _xml(reply(payment, step), parameters)

    def _download(self, asked: Asked, _doubt: Doubt) -> Answer:
        parameters = asked.parameters
        try:
            books = self._entered(parameters, signed=False)
        except Refusal as refusal:
            sent = no_download(refusal.ncerrorplus, parameters)
        else:
            sent = download(books, parameters)
        return Answer(blocks=sent.blocks, is_cut=sent.is_cut)

    def _entered(self, parameters: Parameters, *, signed: bool) -> Books:
        """Return the books of who asks; raises `Refusal`.

        A query or download need not be signed, as its description lists no SHASIGN; one that is
        must be signed rightly.
        """
        books = self._accounts.of(parameters.text("PSPID"))
        account = books.account
        check_user(account, parameters)
        check_signature(account, parameters, account.sha_in_directlink, required=signed)
        return books

    # ------------------------------------------------------------ the shopper
    def _open_visit(self, asked: Asked, _doubt: Doubt) -> Answer:
        parameters = asked.parameters
        try:
            books = self._accounts.of(parameters.text("PSPID"))
            account = books.account
            check_signature(account, parameters, account.sha_in_ecommerce)
            terms = read_terms(parameters)
            books.check_new(terms.order_id, may_try_again=True)
        except Refusal as refusal:
            return _html(Shown(refusal_page(refusal), status=400))
        visit = Visit(books, terms, parameters.ip, account.attempts)
        return _html(self._visit(asked, visit).show())

    def _pay(self, asked: Asked, doubt: Doubt) -> Answer:
        visit = self._visits[asked.token]
        decision = asked.parameters.text("DECISION")
        if decision == "pay":
            return _html(visit.pay(asked.parameters.values, doubt))
        return _html(visit.cancel() if decision == "cancel" else visit.show())

    def _authenticate(self, asked: Asked, doubt: Doubt) -> Answer:
        visit = self._visits[asked.token]
        decision = asked.parameters.text("DECISION")
        # HTML_ANSWER posts here without a decision: the question is shown.
        if decision not in {"confirm", "refuse"}:
            return _html(visit.show_question())
        return _html(visit.answer(confirms=decision == "confirm", doubt=doubt))

    def _visit(self, asked: Asked, visit: Visit) -> Visit:
        visit.token = self._world.ids.token()
        visit.base = f"{self._world.address}/ncol/{asked.env}"
        self._visits[visit.token] = visit
        return visit


def _xml(root: str, parameters: Parameters) -> Answer:
    return Answer(document(root, parameters.encoding))


def _html(shown: Shown) -> Answer:
    html = shown.html or plain_page("On your way", "You are taken on.")
    return Answer(html.encode(), _HTML, shown.status, shown.location)
