"""What a secret looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import new_id
from psp.redaction import REDACTED, holds_key, is_card_number, without_secrets


@pytest.mark.parametrize(
    "text, expected",
    [
        ("key sk_live_abc, wrong", "key [redacted], wrong"),
        ("rk_test_abc", "[redacted]"),
        ("old_sk_test_abc", "old_[redacted]"),
        ("signed with 'whsec_abc'", "signed with '[redacted]'"),
        ("pi_3Mt_secret_Yx9 confirms", "[redacted] confirms"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("authorization: bearer abc", "authorization: [redacted]"),
        ("postgresql+asyncpg://pay:word@db/gate", "postgresql+asyncpg://[redacted]@db/gate"),
        ("card 4242424242424242.", "card [redacted]."),
        ("card_4242424242424242", "card_[redacted]"),
        ('{"number":"5555555555554444"}', '{"number":"[redacted]"}'),
        ("4242 4242 4242 4242", "[redacted]"),
        ("4242-4242-4242-4242", "[redacted]"),
        ("3782 822463 10005", "[redacted]"),  # 15 digits
        ("4222222222222", "[redacted]"),  # 13 digits
        ("6304000000000000000", "[redacted]"),  # 19 digits
        ("4242.4242.4242.4242", "[redacted]"),
        ("LIKE '%4242424242424242%'", "LIKE '%[redacted]%'"),
        ("4242/4242/4242/4242", "[redacted]"),
        ("4242_4242_4242_4242", "[redacted]"),
        ("4242\u00a04242\u00a04242\u00a04242", "[redacted]"),
        (f"t=1,v1={'0a' * 32},x", "t=1,[redacted],x"),
        ("ORDERID=1&SHASIGN=ABCDEF&X=1", "ORDERID=1&[redacted]&X=1"),
        ("PSPID=shop&PSWD=word&USERID=api", "PSPID=shop&[redacted]&USERID=api"),
        ("CVC=123&CARDNO=4111", "[redacted]&[redacted]"),
        (
            "a\n-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\nb",
            "a\n[redacted]\nb",
        ),
        ("1234 4242424242424242 12 2030", "1234 [redacted] 12 2030"),
        ("4242424242424242 5555555555554444", "[redacted] [redacted]"),
    ],
)
def test_secrets_are_taken_out(text: str, expected: str) -> None:
    """Keys, client secrets, tokens, passwords and card numbers go, the words around them stay."""
    assert expected == without_secrets(text)


@pytest.mark.parametrize(
    "gap",
    ["\t", "\n", "+", ":", "%20", "%2D", "  -  ", " . ", "\u2212", "\u200b", "\u2028", "\u2011-"],
    ids=ascii,
)
def test_whatever_stands_between_its_digits(gap: str) -> None:
    """A card number goes, however a form, a word processor or an address wrote it."""
    number = gap.join(["4242"] * 4)

    assert without_secrets(f"é card {number} x") == f"é card {REDACTED} x"
    assert without_secrets(f"q%3D{number}&p=1") == f"q%3D{REDACTED}&p=1"


@pytest.mark.parametrize(
    "text",
    [
        "task_force of risk_level 3",
        "pay_01jd3v4242424242424242abcd",
        "a1b2c3d4-4242-4242-8242-424242424242",
        "1760000000000",  # Unix milliseconds
        "1760000000000000009",  # Unix nanoseconds
        "2026-10-18T12:30:00.123456Z",
        "amount 123456 EUR",
        "4242424242424241",  # no Luhn sum
        "424242424242",  # 12 digits
        "42424242424242424242",  # 20 digits
        "took 0.4242424242424242 s",
        "d4242424242424242",  # within a hexadecimal digest
        "postgresql+asyncpg://db:5432/gate",
        "+33 6 12 34 56 78",
        "refunds_20261124_103000_008.csv",  # a date and a time, which pass Luhn
        "20261124103001",  # likewise
        "from 24.11.2026 to 25.11.2026",
        "2345678901.1234567 s",
        "span=12 view=1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Ids, times, amounts and addresses remain readable."""
    assert text == without_secrets(text)


@pytest.mark.parametrize("milliseconds", range(1_760_000_000_000, 1_760_000_000_030))
def test_no_unix_time_is_a_card_number(milliseconds: int) -> None:
    """Whatever its check digit, in milliseconds, microseconds and nanoseconds."""
    for unit in (1, 1_000, 1_000_000):
        assert not is_card_number(str(milliseconds * unit))


@given(st.sampled_from(["pay", "op", "evt"]))
def test_our_ids_stay(prefix: str) -> None:
    """An id of ours is never taken for anything else."""
    made = new_id(prefix)

    assert made == without_secrets(made)


@given(
    st.integers(21, 99),
    st.lists(st.integers(0, 9), min_size=10, max_size=16),
    st.sampled_from(" -\u00a0\u2009\u2011\u2013\u202f\u3000"),
)
def test_every_card_number_is_taken_out(first: int, digits: list[int], separator: str) -> None:
    """Any number with a right check digit goes, in one piece and in groups of four."""
    body = f"{first}{''.join(map(str, digits))}"
    (number,) = [f"{body}{check}" for check in range(10) if is_card_number(f"{body}{check}")]
    grouped = separator.join(number[start : start + 4] for start in range(0, len(number), 4))

    assert without_secrets(f"card {number} x") == f"card {REDACTED} x"
    assert without_secrets(f"card {grouped} x") == f"card {REDACTED} x"


@pytest.mark.parametrize(
    "text,holds",
    [
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", True),
        ("my key is rk_test_1", True),
        ("whsec_abc", True),
        ("pi_3Mt_secret_Yx9", True),
        ("SK_2026_0001", False),
        ("sk_2026_0001", False),
        ("task_test_1", False),
        ("pk_live_1", False),
        ("the secret_ of it", False),
    ],
)
def test_a_key_is_known_beyond_doubt(text: str, holds: bool) -> None:
    """What is refused for it is refused by mistake never; logs are stricter."""
    assert holds == holds_key(text)
