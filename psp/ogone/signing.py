"""SHA-IN and SHA-OUT: what we send is signed, and what we are sent is verified.

Ogone e-Commerce advanced guide, "SHA signature": parameters with a value, names in upper case and
sorted, each as `NAME=value` followed by the passphrase, hashed together.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Algorithm = Literal["sha1", "sha256", "sha512"]

SIGNATURE: Final = "SHASIGN"
"""The parameter that carries a signature; it is never signed itself."""

_HASHES: Final = MappingProxyType(
    {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
)

# e-Commerce advanced guide, "SHA-OUT parameters". Anything else in a feedback is not signed: the
# keys of PARAMPLUS, and whatever somebody added on the way.
_SIGNED: Final = (
    "AAVADDRESS AAVCHECK AAVMAIL AAVNAME AAVPHONE AAVZIP ACCEPTANCE ALIAS AMOUNT BIC BIN BRAND "
    "CARDNO CCCTY CN COLLECTOR_BIC COLLECTOR_IBAN COMPLUS CREATION_STATUS CREDITDEBIT CURRENCY "
    "CVCCHECK DCC_COMMPERCENTAGE DCC_CONVAMOUNT DCC_CONVCCY DCC_EXCHRATE DCC_EXCHRATESOURCE "
    "DCC_EXCHRATETS DCC_INDICATOR DCC_MARGINPERCENTAGE DCC_VALIDHOURS DEVICEID DIGESTCARDNO "
    "ECI ED EMAIL ENCCARDNO FXAMOUNT FXCURRENCY IP IPCTY MANDATEID MOBILEMODE NBREMAILUSAGE "
    "NBRIPUSAGE NBRIPUSAGE_ALLTX NBRUSAGE NCERROR ORDERID PAYID PAYIDSUB PAYMENT_REFERENCE PM "
    "SCO_CATEGORY SCORING SEQUENCETYPE SIGNDATE STATUS SUBBRAND SUBSCRIPTION_ID TICKET TRXDATE "
    "VC"
)
SIGNED_IN_FEEDBACK: Final = frozenset(_SIGNED.split())
"""The parameters that SHA-OUT covers."""


def sign(
    params: Mapping[str, str], passphrase: str, algorithm: Algorithm, *, encoding: str = "utf-8"
) -> str:
    """Return the SHA-IN signature of all parameters, as upper-case hex.

    `encoding` is how the page that takes them reads text: UTF-8 for the `_utf8` pages. Raises
    `ValueError` if two names differ in case only: no one signature would be right.
    """
    named = {name.upper(): value for name, value in params.items()}
    if len(named) != len(params):
        raise ValueError("two parameters have the same name")
    signed = "".join(
        f"{name}={named[name]}{passphrase}"
        for name in sorted(named)
        if named[name] and name != SIGNATURE
    )
    return _HASHES[algorithm](signed.encode(encoding)).hexdigest().upper()


def verify(
    params: Mapping[str, str], passphrase: str, algorithm: Algorithm, *, encoding: str = "utf-8"
) -> bool:
    """Whether `SHASIGN` among the parameters is Ogone's SHA-OUT signature of the signed ones.

    It is compared in any case and in constant time. Raises `ValueError` as `sign` does.
    """
    given = next((value for name, value in params.items() if name.upper() == SIGNATURE), "")
    signed = {name: value for name, value in params.items() if name.upper() in SIGNED_IN_FEEDBACK}
    try:
        expected = sign(signed, passphrase, algorithm, encoding=encoding)
    except UnicodeEncodeError:
        # What the encoding cannot write, nobody signed in it.
        return False
    return hmac.compare_digest(expected.encode(), given.upper().encode())
