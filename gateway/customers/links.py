"""How a customer link changes, before and after the PSP is asked: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.customers import CustomerLink, profile_fingerprint
from gateway.errors import PaygateError, Reason
from gateway.ids import new_id
from psp.port import CustomerProfile

RETRY_AFTER_S: Final = 1.0
"""When it makes sense to ask again while another change of the shopper is in flight."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change that is due: the link as it is and as it is to be committed before the PSP call."""

    before: CustomerLink | None
    """None if there is no row yet."""
    begun: CustomerLink
    resumed: bool
    """Whether `begun` repeats, under its key, what somebody before us may have sent."""


def next_step(
    before: CustomerLink | None,
    account: str,
    wanted: CustomerProfile,
    now: datetime,
    lease: timedelta,
    key_lifetime: timedelta,
) -> Step | None:
    """Decide what has to be asked of an account; None: it has this very profile already.

    A creation that was left behind is sent again as it was while the PSP remembers its key:
    whether or not it happened, one customer comes of it. Once the key has lapsed a second
    customer may come of it, which no PSP lets us find out. An update that was left behind is
    overtaken by the next one. Raises `PaygateError` while somebody else's change is under way.
    """
    if before is None:
        nothing = CustomerLink(wanted.customer_id, account, psp_customer="", fingerprint="")
        return Step(None, replace(begun(nothing, wanted, now, lease), version=1), resumed=False)
    if before.pending_key and before.lease_time is not None and now < before.lease_time:
        raise in_progress(before)
    if before.pending_key and not before.psp_customer and _lives(before, now, key_lifetime):
        resumed = replace(before, lease_time=now + lease, version=before.version + 1)
        return Step(before, resumed, resumed=True)
    if has_profile(before, wanted) and not before.pending_key:
        return None
    return Step(before, begun(before, wanted, now, lease), resumed=False)


def has_profile(link: CustomerLink, wanted: CustomerProfile) -> bool:
    """Whether the PSP knows the shopper, with this very profile."""
    return bool(link.psp_customer) and link.fingerprint == profile_fingerprint(wanted)


def begun(
    link: CustomerLink, wanted: CustomerProfile, now: datetime, lease: timedelta
) -> CustomerLink:
    """Return a link whose shopper is about to be created or updated, under a new key."""
    return replace(
        link,
        pending_key=f"paygate-{new_id('cus')}",
        pending_profile=wanted,
        pending_since=now,
        lease_time=now + lease,
        version=link.version + 1,
    )


def begun_anew(
    link: CustomerLink, wanted: CustomerProfile, now: datetime, lease: timedelta
) -> CustomerLink:
    """Return a link whose shopper, gone at the PSP, is about to be created once more."""
    return begun(replace(link, psp_customer="", fingerprint=""), wanted, now, lease)


def answered(link: CustomerLink, psp_customer: str) -> CustomerLink:
    """Return a link whose pending change the PSP carried out; the profile is not kept."""
    if link.pending_profile is None:
        raise ValueError(f"no change of {link.customer_id} at {link.psp_account} is pending")
    return replace(
        not_done(link),
        psp_customer=psp_customer,
        fingerprint=profile_fingerprint(link.pending_profile),
    )


def not_done(link: CustomerLink) -> CustomerLink:
    """Return a link whose pending change surely did not happen."""
    return replace(
        link,
        pending_key="",
        pending_profile=None,
        pending_since=None,
        lease_time=None,
        version=link.version + 1,
    )


def left_open(link: CustomerLink, now: datetime) -> CustomerLink:
    """Return a link whose pending change may have happened: whoever asks next takes it on."""
    return replace(link, lease_time=now, version=link.version + 1)


def in_progress(link: CustomerLink) -> PaygateError:
    """Return the refusal of a second change of a shopper while one is in flight."""
    return PaygateError(
        Reason.OPERATION_IN_PROGRESS,
        f"another change of {link.customer_id} at {link.psp_account} is in flight: "
        "send the same request again in a moment",
        metadata={"customer_id": link.customer_id, "psp_account": link.psp_account},
        retry_after_s=RETRY_AFTER_S,
    )


def _lives(link: CustomerLink, now: datetime, key_lifetime: timedelta) -> bool:
    return link.pending_since is not None and now < link.pending_since + key_lifetime
