"""What a secret looks like: keys, credentials and card numbers are taken out of any text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

REDACTED: Final = "[redacted]"

_CREDENTIAL: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:sk|rk|whsec)_[^\s\"',;<>()\[\]{}]+"  # keys
    r"|\b\w+_secret_\w+"  # client secrets
    r"|\bbearer\s+[^\s\"',;<>()\[\]{}]+"  # what an Authorization header holds
    r"|\bv[01]=[0-9a-f]{64}\b"  # signatures of webhooks
    # Fields of forms: signatures, passwords, what stands on a card.
    r"|(?<![0-9a-z])(?:shasign|pswd|passwd|password|cvc2?|cvv2?|cardno|pan)=[^\s\"'&,;]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*-----)?"
    r"|(?<=://)[^\s/@]+:[^\s/@]*(?=@)",  # user and password in an address
    re.ASCII | re.IGNORECASE,
)
# Only what nothing else begins with: SK_1 may be an order from Slovakia.
_KEY: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:sk|rk)_(?:test|live)_|whsec_)\w|\w_secret_\w", re.ASCII
)
CARD_GAP: Final = r"(?:[\s+-]{1,5}|(?<=\d{3}) ?[./_:] ?(?=\d{3,6}(?!\d)))"
"""What may stand between the digits of a card number, in a text that `in_plain_digits` wrote. Dots
and the like stand between groups of at least three only: dates, times and decimal fractions are no
card numbers."""
# An id that is not all digits is left whole, and so is a decimal fraction.
_DIGIT_GROUPS: Final = re.compile(
    r"(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    rf"|(?<![0-9a-z])(?<!\d\.)\d+(?:{CARD_GAP}\d+)*(?![0-9a-z])",
    re.ASCII | re.IGNORECASE,
)
# Most texts hold none of these, and all that is logged passes here: to look first is much cheaper.
_CREDENTIAL_HINT: Final = re.compile(
    r"[sr]k_|whsec_|_secret_|bearer|://|v[01]=|shasign|pswd|passw|cv[cv]2?=|cardno|pan=|-----begin"
)
_DIGITS: Final = b"0123456789"
_ESCAPE: Final = re.compile(r"%[0-9a-f]{2}", re.ASCII | re.IGNORECASE)
# Of Unicode's categories those that tell nothing apart: spaces, what has no width, dashes.
_PLAIN_OF_CATEGORY: Final = {"Zs": " ", "Zl": " ", "Zp": " ", "Cf": " ", "Pd": "-"}
_MINUS: Final = "\u2212"
_GROUP: Final = re.compile(r"\d+", re.ASCII)
_MIN_CARD_DIGITS: Final = 13
_MAX_CARD_DIGITS: Final = 19
# ISO/IEC 7812 gives 0 and 1 to standards bodies and airlines. What we do write with a leading 1
# is time: Unix milliseconds, microseconds and nanoseconds begin with it until 2033.
_CARD_STARTS: Final = frozenset("23456789")
# No scheme's numbers begin with 20, and every date of this century does.
_DATE_START: Final = "20"


def without_secrets(text: str) -> str:
    """Return the text with every key, client secret, bearer token, password and card number out."""
    if _CREDENTIAL_HINT.search(text.lower()):
        text = _CREDENTIAL.sub(REDACTED, text)
    if _count_digits(plain := in_plain_digits(text)) >= _MIN_CARD_DIGITS:
        text = _without_cards(text, plain)
        text = _without_cards(text, without_escapes(in_plain_digits(text)))
    return text


def in_plain_digits(text: str) -> str:
    """Return the text, as long as it is, with plain digits and plain gaps between them.

    Digits of any script become ASCII ones: a shopper's keyboard may write them full-width. So do
    dashes and spaces of all kinds, which word processors insert.
    """
    return text if text.isascii() else "".join([_plain(character) for character in text])


def without_escapes(text: str) -> str:
    """Return the text, as long as it is, with spaces for what an address writes as `%20`.

    To be looked at besides the text as it is: a per cent sign may stand before a number, too.
    """
    return _ESCAPE.sub("   ", text) if "%" in text else text


def _plain(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character == _MINUS:
        return "-"
    return _PLAIN_OF_CATEGORY.get(unicodedata.category(character), character)


def holds_key(text: str) -> bool:
    """Whether a key, a webhook's secret or a client secret stands in the text, beyond doubt."""
    return _KEY.search(text) is not None


def printable(text: str) -> str:
    """Return the text with a question mark for each character that cannot be shown or stored.

    Such are control characters, which no text of a PSP's needs, and halves of surrogate pairs,
    which JSON can spell and no database holds.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in " \n\t" else "?" for one in text)


def is_card_number(digits: str) -> bool:
    """Whether a text can be a card's number: 13 to 19 digits, a scheme's start, a Luhn sum."""
    if not _MIN_CARD_DIGITS <= len(digits) <= _MAX_CARD_DIGITS or digits[0] not in _CARD_STARTS:
        return False
    if digits.startswith(_DATE_START) or not (digits.isascii() and digits.isdigit()):
        return False
    # Luhn: from the right every second digit counts double, as the sum of its digits.
    total = sum(int(digit) for digit in digits[-1::-2])
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def _count_digits(text: str) -> int:
    characters = text.encode("ascii", "ignore")
    return len(characters) - len(characters.translate(None, _DIGITS))


def _without_cards(text: str, plain: str) -> str:
    """Return the text without the card numbers that stand in its `plain` form."""
    kept: list[str] = []
    written = 0
    for run in _DIGIT_GROUPS.finditer(plain):
        if run["uuid"] is not None:
            continue
        for start, end in _cards(run):
            kept += [text[written:start], REDACTED]
            written = end
    return "".join([*kept, text[written:]])


def _cards(run: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield where the card numbers in a run of digit groups begin and end."""
    groups = list(_GROUP.finditer(run.string, *run.span()))
    first = 0
    while first < len(groups):
        last = _card_end([group[0] for group in groups[first:]])
        if last is None:
            first += 1
            continue
        yield groups[first].start(), groups[first + last].end()
        first += last + 1


def _card_end(groups: list[str]) -> int | None:
    """Return the last group of the longest card number that begins with the first, if any does."""
    ends = enumerate(accumulate(groups[:_MAX_CARD_DIGITS]))
    return max((index for index, digits in ends if is_card_number(digits)), default=None)
