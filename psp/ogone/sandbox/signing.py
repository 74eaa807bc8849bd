"""SHA-IN and SHA-OUT signatures as Ogone makes and checks them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha1, sha256, sha512
from typing import Final

_HASHES: Final = {"sha1": sha1, "sha256": sha256, "sha512": sha512}
ALGORITHMS: Final = frozenset(_HASHES)
"""What an account can choose in its technical information (Ogone e-Commerce, security)."""

SIGNATURE: Final = "SHASIGN"

SHA_OUT_FIELDS: Final = frozenset(
    """
    AAVADDRESS AAVCHECK AAVMAIL AAVNAME AAVPHONE AAVZIP ACCEPTANCE ALIAS AMOUNT BIC BIN BRAND CARDNO
    CCCTY CN COLLECTOR_BIC COLLECTOR_IBAN COMPLUS CREATION_STATUS CREDITDEBIT CURRENCY CVCCHECK
    DCC_COMMPERCENTAGE DCC_CONVAMOUNT DCC_CONVCCY DCC_EXCHRATE DCC_EXCHRATESOURCE DCC_EXCHRATETS
    DCC_INDICATOR DCC_MARGINPERCENTAGE DCC_VALIDHOURS DEVICEID DIGESTCARDNO ECI ED EMAIL ENCCARDNO
    FXAMOUNT FXCURRENCY IP IPCTY MANDATEID MOBILEMODE NBREMAILUSAGE NBRIPUSAGE NBRIPUSAGE_ALLTX
    NBRUSAGE NCERROR ORDERID PAYID PAYIDSUB PAYMENT_REFERENCE PM SCO_CATEGORY SCORING SEQUENCETYPE
    SIGNDATE STATUS SUBBRAND SUBSCRIPTION_ID TICKET TRXDATE VC
    """.split()  # noqa: SIM905 - a list of names is read best as one
)
"""The fields of feedback that are signed (Ogone e-Commerce, list of SHA-OUT parameters)."""


def sign(
    parameters: Mapping[str, str], passphrase: str, algorithm: str, encoding: str = "utf-8"
) -> str:
    """Return the upper-case digest of every parameter with a value, but SHASIGN."""
    signed = sorted(
        (name.upper(), value)
        for name, value in parameters.items()
        if value and name.upper() != SIGNATURE
    )
    text = "".join(f"{name}={value}{passphrase}" for name, value in signed)
    return _HASHES[algorithm](text.encode(encoding, errors="replace")).hexdigest().upper()


def is_signed(
    parameters: Mapping[str, str], passphrase: str, algorithm: str, encoding: str = "utf-8"
) -> bool:
    """Return whether SHASIGN is that of the other parameters, in either case of letters."""
    given = parameters.get(SIGNATURE, "").upper()
    expected = sign(parameters, passphrase, algorithm, encoding)
    return hmac.compare_digest(given.encode(), expected.encode())


def sign_feedback(
    parameters: Mapping[str, str], passphrase: str, algorithm: str, encoding: str = "utf-8"
) -> str:
    """Return the digest of the listed fields: what a merchant adds by PARAMPLUS is not signed."""
    listed = {name: value for name, value in parameters.items() if name.upper() in SHA_OUT_FIELDS}
    return sign(listed, passphrase, algorithm, encoding)
