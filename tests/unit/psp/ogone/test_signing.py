"""SHA-IN and SHA-OUT, on vectors that others published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.ogone.signing import SIGNED_IN_FEEDBACK, sign, verify

# Each vector names where it was published.
_VECTORS: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "sha_vectors.json").read_text(encoding="utf-8")
)
_OUT: Final = [vector for vector in _VECTORS if vector["kind"] == "OUT"]


def _name(vector: dict[str, Any]) -> str:
    return f"{vector['name']}-{vector['algorithm']}"


@pytest.mark.parametrize("vector", _VECTORS, ids=_name)
def test_published_signatures_are_made(vector: dict[str, Any]) -> None:
    """The same parameters and passphrase give the same digest, whatever their order."""
    backwards = dict(reversed(vector["params"].items()))

    for params in (vector["params"], backwards):
        assert vector["digest"] == sign(params, vector["passphrase"], vector["algorithm"])


@pytest.mark.parametrize("vector", _OUT, ids=_name)
@pytest.mark.parametrize("spelling", [str.upper, str.lower], ids=["upper", "lower"])
def test_published_feedback_is_verified(vector: dict[str, Any], spelling: Any) -> None:
    """Whatever the case of the digest and of its parameter's name; with another it is refused."""
    secret, algorithm = vector["passphrase"], vector["algorithm"]
    params = {**vector["params"], spelling("SHASIGN"): spelling(vector["digest"])}

    assert verify(params, secret, algorithm)
    assert not verify(params, secret + "x", algorithm)
    assert not verify({**params, "STATUS": "5"}, secret, algorithm)


def test_empty_values_and_the_signature_itself_are_left_out() -> None:
    """Ogone drops what has no value."""
    signed = sign({"B": "2", "a": "1"}, "p", "sha1")

    assert signed == sign({"A": "1", "B": "2", "C": "", "SHASIGN": "x"}, "p", "sha1")


def test_fields_that_are_not_listed_are_not_covered() -> None:
    """What PARAMPLUS added, or anybody, changes nothing and proves nothing."""
    params = {"orderID": "1", "STATUS": "5"}
    digest = sign(params, "p", "sha512")

    assert verify({**params, "SESSION": "42", "SHASIGN": digest}, "p", "sha512")
    assert not verify({**params, "ACCEPTANCE": "42", "SHASIGN": digest}, "p", "sha512")


@pytest.mark.parametrize("given_signature", [{}, {"SHASIGN": ""}, {"SHASIGN": "É" * 128}])
def test_no_signature_is_no_match(given_signature: dict[str, str]) -> None:
    """Missing, empty or no hex at all."""
    assert not verify({"STATUS": "5", **given_signature}, "p", "sha512")


def test_one_name_in_two_spellings_has_no_signature() -> None:
    """It would be signed as one value and read as the other."""
    with pytest.raises(ValueError, match="same name"):
        sign({"AMOUNT": "1", "amount": "2"}, "p", "sha1")


def test_the_encoding_is_the_pages() -> None:
    """The `_utf8` pages hash UTF-8, the plain ones ISO-8859-1."""
    params = {"CN": "Olivière"}

    assert sign(params, "p", "sha1") != sign(params, "p", "sha1", encoding="iso-8859-1")


def test_a_passphrase_that_the_encoding_cannot_write_signed_nothing() -> None:
    """A sender chooses the encoding, and must not choose that we fail."""
    params = {"STATUS": "5", "SHASIGN": "00"}

    assert not verify(params, "€uro", "sha512", encoding="iso-8859-1")


@given(st.dictionaries(st.sampled_from(sorted(SIGNED_IN_FEEDBACK)), st.text(max_size=9)), st.text())
def test_what_is_signed_is_verified(params: dict[str, str], passphrase: str) -> None:
    """Any values and any passphrase."""
    signed = {**params, "SHASIGN": sign(params, passphrase, "sha256")}

    assert verify(signed, passphrase, "sha256")
