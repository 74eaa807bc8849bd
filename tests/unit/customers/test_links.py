"""How a customer link changes, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.customers.links import answered, begun, begun_anew, left_open, next_step, not_done
from gateway.domain.customers import CustomerLink, profile_fingerprint
from gateway.errors import PaygateError, Reason
from psp.port import CustomerProfile
from tests.support.payments import NOW
from tests.support.shop import CARDS, LEASE, SHOPPER

_LIFETIME = timedelta(hours=23)
_CHANGED = replace(SHOPPER, name="Zoé")
_KNOWN = CustomerLink(SHOPPER.customer_id, CARDS, "cus_1", profile_fingerprint(SHOPPER), version=4)
_EMPTY = replace(_KNOWN, psp_customer="", fingerprint="")
_BEGUN = NOW - LEASE
"""When somebody began what is pending; its lease has just ended."""
_CREATING = begun(_EMPTY, SHOPPER, _BEGUN, LEASE)
_UPDATING = begun(_KNOWN, _CHANGED, _BEGUN, LEASE)
_LAPSED = replace(_CREATING, pending_since=NOW - _LIFETIME)


def test_a_shopper_who_is_known_as_she_is_needs_nothing() -> None:
    """No step, so no call."""
    assert next_step(_KNOWN, CARDS, SHOPPER, NOW, LEASE, _LIFETIME) is None


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(None, id="never heard of"),
        pytest.param(_EMPTY, id="a creation that failed"),
        pytest.param(_LAPSED, id="a creation whose key has lapsed"),
        pytest.param(_UPDATING, id="an update that was left behind"),
        pytest.param(replace(_KNOWN, fingerprint="other"), id="a changed profile"),
    ],
)
def test_a_change_begins_under_a_new_key(before: CustomerLink | None) -> None:
    """What is wanted is written down with a key of its own and a lease, one version on."""
    step = next_step(before, CARDS, SHOPPER, NOW, LEASE, _LIFETIME)

    assert step is not None
    assert (step.before, step.resumed) == (before, False)
    assert step.begun == CustomerLink(
        customer_id=SHOPPER.customer_id,
        psp_account=CARDS,
        psp_customer=before.psp_customer if before else "",
        fingerprint=before.fingerprint if before else "",
        pending_key=step.begun.pending_key,
        pending_profile=SHOPPER,
        pending_since=NOW,
        lease_time=NOW + LEASE,
        version=before.version + 1 if before else 1,
    )
    assert step.begun.pending_key not in {"", _CREATING.pending_key, _UPDATING.pending_key}


@pytest.mark.parametrize("wanted", [SHOPPER, _CHANGED])
def test_a_creation_that_was_left_behind_is_sent_as_it_was(wanted: CustomerProfile) -> None:
    """Its key and its profile stay, whatever is wanted now; only the lease is new."""
    step = next_step(_CREATING, CARDS, wanted, NOW, LEASE, _LIFETIME)

    assert step is not None
    assert step.resumed
    assert step.begun == replace(_CREATING, lease_time=NOW + LEASE, version=_CREATING.version + 1)


@pytest.mark.parametrize("before", [_CREATING, _UPDATING, _LAPSED])
def test_nobody_is_interrupted_inside_a_lease(before: CustomerLink) -> None:
    """One moment before the lease ends, the second change is told to wait."""
    moment = NOW - timedelta(microseconds=1)

    with pytest.raises(PaygateError) as refused:
        next_step(before, CARDS, SHOPPER, moment, LEASE, _LIFETIME)

    assert refused.value.reason is Reason.OPERATION_IN_PROGRESS
    assert refused.value.retry_after_s is not None


def test_an_answer_ends_what_is_pending() -> None:
    """The id and the digest of what was sent are kept, the profile is not."""
    after = answered(_CREATING, "cus_1")

    assert after == replace(_KNOWN, version=_CREATING.version + 1)


def test_an_answer_to_nothing_is_a_bug() -> None:
    """A link without a pending change has no profile to be known by."""
    with pytest.raises(ValueError, match="no change of shopper-1 at cards is pending"):
        answered(_KNOWN, "cus_1")


def test_what_did_not_happen_leaves_the_link_as_it_was() -> None:
    """Known as before, and nothing is pending."""
    assert not_done(_UPDATING) == replace(_KNOWN, version=_UPDATING.version + 1)


def test_what_may_have_happened_stays_open_for_whoever_asks_next() -> None:
    """Key and profile are kept, and the lease ends at once."""
    assert left_open(_CREATING, NOW) == replace(
        _CREATING, lease_time=NOW, version=_CREATING.version + 1
    )


def test_a_shopper_who_is_gone_begins_without_an_id() -> None:
    """Nobody uses the old id meanwhile."""
    anew = begun_anew(_KNOWN, SHOPPER, NOW, LEASE)

    assert (anew.psp_customer, anew.fingerprint, anew.pending_profile) == ("", "", SHOPPER)
