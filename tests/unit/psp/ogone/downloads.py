"""Downloads that tests of the books start from."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<DOWNLOAD_REPLY>'
TAIL = "</DOWNLOAD_REPLY>\n"


def attributes(status: str = "9", **changes: str) -> dict[str, str]:
    """Return a row of 12.34 EUR that was captured; a change to "" leaves the attribute empty."""
    return {
        "ID": PAYID,
        "PAYIDSUB": "1",
        "REF": PAYMENT_ID,
        "ORDER": "23/11/2026",
        "STATUS": status,
        "LIB": "Payment requested",
        "NCSTER": "0/0",
        "PAYDATE": "24/11/2026",
        "TOTAL": "12.34",
        "CUR": "EUR",
        "METHOD": "CreditCard",
        "BRAND": "VISA",
        "CARD": "XXXXXXXXXXXX1111",
        "EXPDATE": "1230",
        "BATCHREF": "",
        **changes,
    }


def row_xml(status: str = "9", **changes: str) -> str:
    """Return `attributes` as the download writes them."""
    said = attributes(status, **changes)
    return f"<PAYMENT {' '.join(f'{name}={quoteattr(value)}' for name, value in said.items())}/>"


def download_xml(*rows: str) -> bytes:
    """Return a whole download of these rows."""
    return f"{HEAD}{''.join(rows)}{TAIL}".encode("iso-8859-1")
