"""The list: every promise that any PSP's adapter must keep, in the order of a payment's life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from psp.conformance import (
    changing,
    knowing,
    listening,
    paying,
    refunding,
    refunding_again,
    refusing,
    settling,
    silences,
)
from psp.conformance.bench import Bench
from psp.conformance.skips import Scenario
from psp.port import Capability

_C = Capability


def _scenario(play: Callable[[Bench], Awaitable[None]], *needs: Capability) -> Scenario:
    """Return a scenario whose title is the promise that the function's docstring states."""
    return Scenario(play.__name__, (play.__doc__ or "").strip(), frozenset(needs), play)


_CREATE: Final = _C.CREATE_PAYMENT

SCENARIOS: Final[tuple[Scenario, ...]] = (
    # Paying.
    _scenario(paying.pay_by_card, _CREATE, _C.CAPTURE),
    _scenario(paying.automatic_capture, _CREATE),
    _scenario(paying.next_step_anew, _CREATE),
    _scenario(paying.saved_card_charged, _CREATE),
    _scenario(paying.declined_on_page, _CREATE),
    _scenario(paying.declined_charge, _CREATE),
    _scenario(paying.three_d_secure, _CREATE),
    _scenario(paying.three_d_secure_refused, _CREATE),
    _scenario(paying.uncertain_payment, _CREATE),
    _scenario(paying.found_by_our_reference, _CREATE, _C.FIND_PAYMENT),
    _scenario(paying.review_opens, _CREATE, _C.REVIEWS),
    _scenario(paying.review_read_after_its_end, _CREATE, _C.REVIEWS),
    _scenario(paying.review_rejected, _CREATE, _C.REVIEWS),
    # Capturing and canceling.
    _scenario(changing.part_captured, _CREATE, _C.PARTIAL_CAPTURE),
    _scenario(changing.capture_twice, _CREATE, _C.CAPTURE),
    _scenario(changing.capture_too_much, _CREATE, _C.CAPTURE),
    _scenario(changing.capture_unpaid, _CREATE, _C.CAPTURE),
    _scenario(changing.capture_uncertain, _CREATE, _C.CAPTURE),
    _scenario(changing.cancel_authorised, _CREATE, _C.CANCEL),
    _scenario(changing.capture_after_cancel, _CREATE, _C.CAPTURE, _C.CANCEL),
    _scenario(changing.cancel_after_capture, _CREATE, _C.CAPTURE, _C.CANCEL),
    _scenario(changing.unknown_reference, _C.CAPTURE, _C.CANCEL),
    # Refunds.
    _scenario(refunding.refund_whole, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_in_parts, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_too_much, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_uncaptured, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_pending, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_fails_later, _CREATE, _C.REFUNDS),
    _scenario(refunding.refund_unknown_payment, _C.REFUNDS),
    _scenario(refunding_again.refund_repeated, _CREATE, _C.REFUNDS),
    _scenario(refunding_again.refund_at_once_twice, _CREATE, _C.REFUNDS),
    _scenario(refunding_again.equal_refund_is_another, _CREATE, _C.REFUNDS),
    _scenario(refunding_again.silent_refund, _CREATE, _C.REFUNDS),
    _scenario(refunding_again.silent_equal_refund, _CREATE, _C.REFUNDS),
    _scenario(refunding_again.refund_in_doubt, _CREATE, _C.REFUNDS),
    # No answer, and the same again.
    _scenario(silences.silent_create_found, _CREATE, _C.FIND_PAYMENT),
    _scenario(silences.silent_create_repeated, _CREATE, _C.IDEMPOTENT_MUTATIONS),
    _scenario(silences.silent_capture, _CREATE, _C.CAPTURE),
    _scenario(silences.silent_cancel, _CREATE, _C.CANCEL),
    _scenario(silences.charge_at_once_twice, _CREATE),
    _scenario(silences.capture_at_once_twice, _CREATE, _C.CAPTURE),
    _scenario(silences.same_key_same_charge, _CREATE, _C.IDEMPOTENT_MUTATIONS),
    _scenario(silences.same_key_same_decline, _CREATE, _C.IDEMPOTENT_MUTATIONS),
    _scenario(silences.same_key_other_charge, _CREATE, _C.IDEMPOTENT_MUTATIONS),
    # Webhooks.
    _scenario(listening.event_names_its_payment, _CREATE, _C.EVENTS),
    _scenario(listening.event_claims_no_other_amount, _CREATE, _C.EVENTS),
    _scenario(listening.repeated_event_is_one, _CREATE, _C.CAPTURE, _C.EVENTS),
    _scenario(listening.events_in_disorder, _CREATE, _C.CAPTURE, _C.EVENTS),
    _scenario(listening.forged_event, _CREATE, _C.EVENTS),
    _scenario(listening.refund_event_names_its_payment, _CREATE, _C.REFUNDS, _C.EVENTS),
    _scenario(listening.listed_events, _CREATE, _C.CAPTURE, _C.EVENTS, _C.LIST_EVENTS),
    # Shoppers and their saved methods.
    _scenario(knowing.customer_kept, _C.CUSTOMERS),
    _scenario(knowing.alias_kept, _CREATE, _C.CUSTOMERS, _C.ALIASES),
    _scenario(knowing.alias_set_up, _C.CUSTOMERS, _C.ALIASES),
    _scenario(knowing.alias_default_and_deleted, _CREATE, _C.CUSTOMERS, _C.ALIASES),
    # The PSP's books.
    _scenario(settling.report_holds_the_day, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    _scenario(settling.report_read_again, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    _scenario(settling.report_adds_up, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    _scenario(settling.report_of_a_returned_refund, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    _scenario(settling.report_not_yet, _CREATE, _C.SETTLEMENTS),
    _scenario(settling.report_cut_off, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    _scenario(settling.report_unknown, _C.SETTLEMENTS),
    _scenario(settling.report_with_wrong_credentials, _CREATE, _C.REFUNDS, _C.SETTLEMENTS),
    # Refusals.
    _scenario(refusing.wrong_credentials, _CREATE, _C.CAPTURE, _C.CANCEL),
    _scenario(refusing.refund_with_wrong_credentials, _CREATE, _C.REFUNDS),
    _scenario(refusing.undeclared_calls),
    _scenario(refusing.declared_lifetime),
    _scenario(refusing.no_secret_shown, _CREATE),
)
"""Names are unique; a test holds every PSP to every scenario that its capabilities allow."""
