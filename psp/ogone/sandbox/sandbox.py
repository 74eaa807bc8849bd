"""The sandbox as an object: everything its control endpoints can do, called directly."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import aiohttp

from psp.ogone.sandbox.accounts import Accounts
from psp.ogone.sandbox.answering import Answerer
from psp.ogone.sandbox.bookkeeping import JsonDict, dump
from psp.ogone.sandbox.drifted import operation_hit
from psp.ogone.sandbox.drifting import OF_A_DOWNLOAD, Drift, DriftKind
from psp.ogone.sandbox.edge import Edge
from psp.ogone.sandbox.entering import read_card
from psp.ogone.sandbox.faults import Fault, FaultKind, Faults
from psp.ogone.sandbox.maintaining import operate
from psp.ogone.sandbox.model import Account
from psp.ogone.sandbox.notifications import RETRY_GAPS_S, Notifications
from psp.ogone.sandbox.shopper import Landing, answer_bank, pay_on_page
from psp.ogone.sandbox.signing import ALGORITHMS
from psp.ogone.sandbox.statuses import STATUSES
from psp.ogone.sandbox.world import PROCESSING_DELAY_S, Ids, World
from psp.sandboxing.clock import Clock


class OgoneSandbox:
    """An Ogone of one's own. Ids are the same for the same seed and the same requests."""

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        seed: int = 1,
        processing_delay_s: float = PROCESSING_DELAY_S,
        notification_retry_gaps_s: Sequence[float] = RETRY_GAPS_S,
    ) -> None:
        self.notifications = Notifications(notification_retry_gaps_s)
        self._world = World(Clock(now), Ids(seed), self.notifications, processing_delay_s)
        self._accounts = Accounts(self._world)
        self._faults = Faults()
        self._answerer = Answerer(self._world, self._accounts)
        self.edge = Edge(self._answerer, self._faults)

    @property
    def address(self) -> str:
        """Where the sandbox listens: `http://127.0.0.1:port`; its pages are under `/ncol/test/`."""
        return self._world.address

    @address.setter
    def address(self, address: str) -> None:
        self._world.address = address

    # ------------------------------------------------------------ accounts
    def register_account(  # noqa: PLR0913 - an account's settings
        self,
        pspid: str,
        userid: str,
        password: str,
        *,
        sha_in_ecommerce: str,
        sha_in_directlink: str,
        sha_out: str,
        algorithm: str = "sha512",
        notification_url: str = "",
        attempts: int = 1,
        partial_captures: bool = True,
        download_profile: bool = True,
    ) -> None:
        """Add an account, or change one whose books stay; raises `ValueError`."""
        if algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm is one of {', '.join(sorted(ALGORITHMS))}")
        account = Account(
            pspid=pspid,
            userid=userid,
            password=password,
            sha_in_ecommerce=sha_in_ecommerce,
            sha_in_directlink=sha_in_directlink,
            sha_out=sha_out,
            algorithm=algorithm,
            notification_url=notification_url,
            attempts=attempts,
            partial_captures=partial_captures,
            download_profile=download_profile,
        )
        self._accounts.register(account)

    def add_alias(self, pspid: str, alias: str, card: str, expiry: str = "1230") -> None:
        """Keep a test card under an alias, as from earlier years; raises `Refusal`."""
        self._accounts.of(pspid).save_alias(alias, read_card(card, expiry, "123", "A Shopper"))

    def delete_alias(self, pspid: str, alias: str) -> None:
        """Forget an alias, as the back office does; raises `Refusal`."""
        books = self._accounts.of(pspid)
        del books.aliases[books.alias(alias).name]

    # ------------------------------------------------------------ faults
    def inject(self, kind: FaultKind | str, **where: object) -> None:
        """Add a fault; `where` holds fields of `Fault`. Raises `ValueError` or `TypeError`."""
        self._faults.inject(Fault(FaultKind(kind), **where))  # type: ignore[arg-type]  # fields by name

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self._faults.clear()

    # ------------------------------------------------------------ downloads
    def drift(self, kind: DriftKind | str, subject: str = "") -> str:
        """Tell the books wrongly from now on, in one way at a time; return the operation it hits.

        `subject` is a PAYID/PAYIDSUB, a PAYID or an ORDERID: see `drifted.operation_hit`, which
        raises `LookupError`. Raises `ValueError` for a kind that there is not.
        """
        found = DriftKind(kind)
        self._accounts.process()
        hit = "" if found in OF_A_DOWNLOAD else operation_hit(self._accounts.all(), subject)
        self._world.drift = Drift(found, hit)
        return hit

    def end_drift(self) -> None:
        """Tell the books as they are."""
        self._world.drift = None

    def set_synthetic_rows(self, count: int) -> None:
        """Add so many invented rows to every download between two payment dates; see `synthetic`.

        Raises `ValueError` for fewer than none.
        """
        if count < 0:
            raise ValueError("count is 0 or more")
        self._world.synthetic_rows = count

    # ------------------------------------------------------------ the shopper
    async def pay(
        self,
        fields: Mapping[str, str],
        card: str = "4111111111111111",
        *,
        url: str = "",
        decision: str = "pay",
        bank: str = "confirm",
    ) -> Landing:
        """Post a form to the hosted page and pay there; see `shopper.pay_on_page`."""
        target = url or f"{self.address}/ncol/test/orderstandard_utf8.asp"
        async with aiohttp.ClientSession() as session:
            return await pay_on_page(
                session, target, fields, card=card, decision=decision, bank=bank
            )

    async def authenticate(self, html_answer: str, *, bank: str = "confirm") -> Landing:
        """Answer the bank that DirectLink's HTML_ANSWER leads to; see `shopper.answer_bank`."""
        async with aiohttp.ClientSession() as session:
            return await answer_bank(session, html_answer, bank=bank)

    # ------------------------------------------------------------ what happens inside
    def force_status(self, payid: str, status: int, payidsub: int | None = None) -> None:
        """Give an operation (the latest by default) any status, and tell; raises `LookupError`."""
        if status not in STATUSES:
            raise ValueError(f"{status} is no status of a payment")
        books, payment, step = self._accounts.find(payid, payidsub)
        books.settle(payment, step, status)

    def refund_by_hand(self, payid: str, amount: int) -> str:
        """Refund hundredths of a payment as a clerk does in Ogone's back office, past us.

        Returns PAYID/PAYIDSUB; raises `LookupError`, or `Refusal` where DirectLink would refuse.
        """
        self._accounts.process()
        books, payment, _ = self._accounts.find(payid, None)
        step = operate(books, payment, "RFD", amount, by_hand=True)
        self._accounts.process()
        return f"{payid}/{step.payidsub}"

    def now(self) -> float:
        """Return the Unix time in the books."""
        return self._world.clock.seconds()

    def advance_clock(self, seconds: float) -> None:
        """Let time pass in the books: what is pending or uncertain becomes known."""
        self._world.clock.advance(seconds)
        self._accounts.process()

    def books(self) -> list[JsonDict]:
        """Return every account's books as the sandbox knows them."""
        self._accounts.process()
        return [dump(books) for books in self._accounts.all()]

    async def settle(self) -> None:
        """Return once no notification is on its way."""
        await self.notifications.settle()

    def reset(self) -> None:
        """Forget payments, aliases, visits, faults, drift, held notifications; accounts stay."""
        self._accounts.forget()
        self._world.drift, self._world.synthetic_rows = None, 0
        self._answerer.forget()
        self._faults.clear()
        self.notifications.forget()

    async def close(self) -> None:
        """Stop delivering notifications."""
        await self.notifications.close()
