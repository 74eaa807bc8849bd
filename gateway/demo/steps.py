"""The steps of the demo: each plays one promise, and raises if it is not kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.demo.aftermaths import abandon, crash, pay_too_late, review
from gateway.demo.books import reconcile, refund_by_file
from gateway.demo.moves import (
    finish_what_moved,
    one_alias_list,
    pay_at_the_legacy_psp,
    split_a_country,
)
from gateway.demo.purchases import (
    decline,
    disordered_webhooks,
    ensure_customer,
    give_up,
    pay_with_3d_secure,
    propose,
    replay,
    silence,
)
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling


@dataclass(frozen=True, slots=True)
class Step:
    """One promise."""

    name: str
    title: str
    play: Callable[[Stage, Telling], Awaitable[None]]


STEPS: Final = (
    Step("propose", "A French shopper is offered how to pay", propose),
    Step("ensure_customer", "She is made known to Stripe once", ensure_customer),
    Step("pay_with_3d_secure", "She pays by card with 3-D Secure", pay_with_3d_secure),
    Step("decline", "A card is declined", decline),
    Step("replay", "A request is sent twice", replay),
    Step("give_up", "A client gives up in the middle of a call", give_up),
    Step("disordered_webhooks", "Webhooks come twice and in disorder", disordered_webhooks),
    Step("silence", "Stripe acts and answers nothing", silence),
    Step("pay_at_the_legacy_psp", "Belgium still pays at Ogone", pay_at_the_legacy_psp),
    Step("split_a_country", "Portugal moves, three shoppers in ten first", split_a_country),
    Step("one_alias_list", "Her saved cards, wherever they are kept", one_alias_list),
    Step("review", "A fraud review holds an order", review),
    Step("abandon", "A draft that nobody pays is swept", abandon),
    Step("pay_too_late", "Money comes too late, and goes back by itself", pay_too_late),
    Step("crash", "The gateway is killed in the middle of a purchase", crash),
    Step("finish_what_moved", "Belgium moves while a payment is open", finish_what_moved),
    Step("refund_by_file", "The day's refund file, sent twice", refund_by_file),
    Step("reconcile", "The books close to the cent, or say where not", reconcile),
)
