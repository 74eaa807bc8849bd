"""The card that a shopper saved with a payment, as a notification tells it.

Ogone lists no aliases (Alias guide): the feedback of the first transaction is the only place where
alias, masked card, brand and expiry stand together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from psp.ogone.order_params import new_alias_of
from psp.ogone.statuses import meaning_of
from psp.port import PaymentMethod, PspAlias

_LAST4: Final = re.compile(r"[0-9]{4}\Z", re.ASCII)
_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])([0-9]{2})", re.ASCII)
"""MMYY."""
_BRAND: Final = re.compile(r"[ -~]{1,40}", re.ASCII)
_CENTURY: Final = 2000


def read_saved_alias(fields: Mapping[str, str]) -> PspAlias | None:
    """Return what this very payment saved; None if it saved nothing, or was not authorised.

    `fields` are verified, by name in upper case. A declined card makes an alias too (Alias guide),
    which nobody is to be offered; and an alias that was only charged was saved before.
    """
    alias = fields.get("ALIAS", "")
    meaning = meaning_of(fields.get("STATUS", ""), fields.get("NCERROR", ""))
    if not meaning.authorized or alias != new_alias_of(fields.get("ORDERID", "")):
        return None
    last4 = _LAST4.search(fields.get("CARDNO", ""))
    expiry = _EXPIRY.fullmatch(fields.get("ED", ""))
    brand = fields.get("BRAND", "")
    return PspAlias(
        psp_alias=alias,
        method=PaymentMethod.CARD,
        brand=brand.lower() if _BRAND.fullmatch(brand) else "",
        last4=last4[0] if last4 else "",
        expiry_month=int(expiry[1]) if expiry else 0,
        expiry_year=_CENTURY + int(expiry[2]) if expiry else 0,
    )
