"""Configuration files that cannot be read at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.routing.configuration import load_configuration
from gateway.routing.file import MAX_FILE_BYTES
from gateway.routing.problems import ConfigurationError
from tests.unit.routing.files import VALID, problems_of, set_secrets


@pytest.mark.parametrize(
    "content,problem",
    [
        (
            'a = 1\nb = "x\n',
            "line 2, column 7: is no TOML: illegal character '\\n': correct the syntax there",
        ),
        ("a = \n", "line 1, column 5: is no TOML: invalid value: correct the syntax there"),
        (
            "[a]\n[a]\n",
            "line 2, column 3: is no TOML: cannot declare ('a',) twice: correct the syntax there",
        ),
        (
            "[countries.FR",
            (
                "end of document: is no TOML: expected ']' at the end of a table declaration: "
                "correct the syntax there"
            ),
        ),
        (b"a = 1\nb = '\xff'\n", "line 2: is no UTF-8 text: save the file as UTF-8"),
        (
            b"#" * (MAX_FILE_BYTES + 1),
            "is larger than 1048576 bytes: name a configuration file",
        ),
        ("a = " + "[" * 100_000, "is nested too deeply: write tables under their names"),
        ("a = " + "9" * 5000, "holds a number that is too long: shorten it"),
    ],
    ids=["open text", "no value", "twice", "open table", "latin-1", "large", "deep", "long number"],
)
def test_what_is_no_configuration_is_refused(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    """A file that cannot be parsed is refused with line and column, whatever its size or depth."""
    assert problems_of(tmp_path, content) == [problem]


@pytest.mark.parametrize(
    "name,reason", [("gone.toml", "no such file or directory"), (".", "is a directory")]
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str, reason: str) -> None:
    """A missing file is told from a wrong one."""
    path = tmp_path / name

    with pytest.raises(ConfigurationError) as caught:
        load_configuration(path)

    cure = "name a configuration file that this process may read"
    assert caught.value.lines() == (f"{path}: cannot be read: {reason}: {cure}",)


def test_the_largest_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit itself is allowed."""
    set_secrets(tmp_path, monkeypatch)
    path = tmp_path / "paygate.toml"
    path.write_text(VALID + "#" * (MAX_FILE_BYTES - len(VALID)), encoding="utf-8")

    assert load_configuration(path).accounts


_KEYS = ["accounts", "countries", "FR", "methods", "method", "account", "limits", "EUR", "psp"]
_VALUES = st.recursive(
    st.sampled_from(["1", "1.5", "true", "nan", "1979-05-27", '"stripe"', '"EUR"', '"card"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3).map(
            lambda each: f"{{{', '.join(f'{key} = {value}' for key, value in each.items())}}}"
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["accounts", "countries"]), _VALUES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_toml_is_refused_in_words(tmp_path: Path, tables: dict[str, str]) -> None:
    """Whatever stands where, the answer is a report and not a crash."""
    lines = [f"{key} = {value}" for key, value in tables.items()]

    assert all(problems_of(tmp_path, "\n".join(lines)))


@given(st.integers(0, len(VALID) - 1), st.integers(0, len(VALID) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_lost_a_piece_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, begin: int, end: int
) -> None:
    """A file cut anywhere never ends in anything but a configuration or a report."""
    path = tmp_path_factory.getbasetemp() / "cut.toml"
    path.write_text(VALID[:begin] + VALID[end:], encoding="utf-8")

    try:
        assert load_configuration(path).table.digest
    except ConfigurationError as error:
        assert error.problems  # noqa: PT017 - either end is right
