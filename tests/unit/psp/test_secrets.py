"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from psp.secrets import SecretReference, resolve_secret


class _Holder(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    secret: SecretReference


def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """env:NAME reads the variable, without surrounding whitespace."""
    monkeypatch.setenv("PAYGATE_TEST_SECRET", " sk_test_abc\n")

    held = _Holder.model_validate({"secret": "env:PAYGATE_TEST_SECRET"})

    assert held.secret.get_secret_value() == "sk_test_abc"
    assert "sk_test_abc" not in repr(held)


def test_a_file_is_read(tmp_path: Path) -> None:
    """file:PATH reads the file, without its last line end."""
    (tmp_path / "key").write_text("whsec_1\n", encoding="utf-8")

    assert resolve_secret(f"file:{tmp_path}/key").get_secret_value() == "whsec_1"


@pytest.mark.parametrize(
    "reference",
    [
        "sk_test_topsecret",
        "env:sk_test_topsecret",
        "file:sk_test_topsecret",
        "ENV:TOPSECRET",
        "vault:topsecret",
        "env:",
        "file:",
        "",
    ],
)
def test_what_is_no_reference_is_refused_and_not_shown(reference: str) -> None:
    """A secret pasted where its reference belongs does not show up in the error."""
    with pytest.raises(ValidationError) as caught:
        _Holder.model_validate({"secret": reference})

    assert "topsecret" not in str(caught.value).lower()


@pytest.mark.parametrize("reference", [None, 7, b"env:HOME", ["env:HOME"]])
def test_what_is_no_text_is_refused(reference: object) -> None:
    """A reference is text."""
    with pytest.raises(ValueError, match="by reference"):
        resolve_secret(reference)


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_an_unset_or_empty_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """The error names the variable to export."""
    monkeypatch.delenv("PAYGATE_TEST_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("PAYGATE_TEST_SECRET", value)

    with pytest.raises(ValueError, match=r"PAYGATE_TEST_SECRET.*export"):
        resolve_secret("env:PAYGATE_TEST_SECRET")


@pytest.mark.parametrize(
    "content, cure",
    [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "large")],
)
def test_a_file_that_holds_no_secret_is_refused(
    tmp_path: Path, content: bytes | None, cure: str
) -> None:
    """A missing, empty, oversized or binary file is refused with its cure."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ValueError, match=cure):
        resolve_secret(f"file:{path}")
