"""Notifications: feedback on its way from server to server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psp.ogone.sandbox.feedback import encode, feedback
from psp.ogone.sandbox.model import Account, Operation, Payment
from psp.sandboxing.delivery import Delivery, Letter

RETRY_GAPS_S: Final = (0.1, 0.2, 0.4, 0.8)
"""Ogone repeats every ten minutes, up to four times; this is the same, in a hurry."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One step of one payment, as it is told."""

    pspid: str
    payid: str
    payidsub: int
    status: int
    url: str
    parameters: Mapping[str, str]
    body: str

    @property
    def id(self) -> str:
        """PAYID/PAYIDSUB/STATUS."""
        return f"{self.payid}/{self.payidsub}/{self.status}"

    @property
    def line(self) -> str:
        """One for each address."""
        return self.url

    def names(self) -> tuple[str, str, str]:
        """PAYID/PAYIDSUB/STATUS, PAYID/PAYIDSUB, and the status."""
        return (self.id, f"{self.payid}/{self.payidsub}", str(self.status))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a notification."""

    notification_id: str
    pspid: str
    number: int
    """1 for the first."""
    answered: int
    """The HTTP status; 0 if nobody could be reached."""


class Notifications(Delivery[Notification, Attempt]):
    """Sends one after the other to each merchant; repeats what was not answered 200.

    `drop` takes a status; `release` takes what `Notification.names` has.
    """

    taken = frozenset({200})
    """A redirect or any other answer is none (Ogone e-Commerce, direct HTTP feedback)."""

    def __init__(self, retry_gaps_s: Sequence[float] = RETRY_GAPS_S) -> None:
        super().__init__(retry_gaps_s)

    def publish(self, account: Account, payment: Payment, operation: Operation) -> None:
        """Tell of a step as it is now, unless there is nobody to tell, or told to hold or drop."""
        if not account.notification_url:
            return
        parameters = feedback(account, payment, operation)
        told = Notification(
            pspid=account.pspid,
            payid=payment.payid,
            payidsub=operation.payidsub,
            status=operation.status,
            url=account.notification_url,
            parameters=parameters,
            body=encode(parameters, payment.encoding),
        )
        self._tell(str(told.status), [told])

    def write(self, parcel: Notification) -> Letter:
        """Return it as a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Letter(parcel.url, parcel.body, headers)

    def log(self, parcel: Notification, number: int, answered: int) -> Attempt:
        """See `Attempt`."""
        return Attempt(parcel.id, parcel.pspid, number, answered)
