"""The documents say what is there: links, paths, settings, keys, reasons, commands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from gateway.api.error_table import CODE_OF_REASON
from gateway.cli import app
from gateway.routing.configuration import load_configuration
from gateway.routing.schema import (
    AccountTable,
    CallerTable,
    CanaryTable,
    CountryTable,
    FileTable,
    LimitsTable,
    MethodTable,
)
from gateway.settings import Settings
from psp.ogone.config import OgoneAccountConfig
from psp.stripe.config import StripeAccountConfig
from psp.stripe.sandbox.cards import TEST_CARDS
from psp.stripe.sandbox.control import ACTIONS
from psp.stripe.sandbox.faults import FaultKind

_ROOT: Final = Path(__file__).resolve().parents[2]
_DOCUMENTS: Final = (
    *(_ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((_ROOT / "docs").rglob("*.md")),
)
_CONFIGURATION: Final = _ROOT / "docs/configuration.md"
_SANDBOX: Final = _ROOT / "docs/sandbox.md"

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_FULL_PATH: Final = re.compile(
    r"(?:\.ci|benchmarks|config|docs|gateway|generated|legacy_bridge|protos|psp|scripts|tests)/[\w./]*"
)
_FILE_NAME: Final = re.compile(r"\w+\.(?:py|proto)")
_MAKE: Final = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)", re.MULTILINE)
_TOML: Final = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REASON_ROW: Final = re.compile(
    r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE
)
_REASON_IN_CONTRACT: Final = re.compile(
    r"  // ([A-Z_]+): (?:[^\n]*\n  // )*[^\n]*\n  ERROR_REASON_([A-Z_]+) = \d+;"
)

documents = pytest.mark.parametrize(
    "document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT))
)


@documents
def test_links_lead_somewhere(document: Path) -> None:
    """A link to a file of ours names one that is there."""
    targets = [link for link in _LINK.findall(document.read_text()) if "://" not in link]

    assert [link for link in targets if not (document.parent / link).exists()] == []


@documents
def test_paths_are_there(document: Path) -> None:
    """A path that is named is there; a bare file name is at the root or beside the path before."""
    missing = [
        candidates
        for candidates in _named_paths(document.read_text())
        if not any(candidate.exists() for candidate in candidates)
    ]

    assert missing == []


def _named_paths(text: str) -> Iterator[tuple[Path, ...]]:
    for line in text.splitlines():
        folder = _ROOT
        for code in _CODE.findall(line):
            path = _ROOT / code
            if _FULL_PATH.fullmatch(code):
                folder = path if code.endswith("/") else path.parent
                yield (path,)
            elif folder != _ROOT and _FILE_NAME.fullmatch(code):
                yield folder / code, path


@documents
def test_targets_are_in_the_makefile(document: Path) -> None:
    """`make X` works for every X that is named."""
    makefile = (_ROOT / "Makefile").read_text()
    named = {word for pair in _MAKE.findall(document.read_text()) for word in pair if word}

    assert [word for word in named if f"\n{word}: " not in makefile] == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """With its variable and its default."""
    row = _row("## The process", f"PAYGATE_{name.upper()}")
    default = Settings.model_fields[name].default

    # The configuration file's default is an absolute path: the page names it from our root.
    shown = default.relative_to(_ROOT) if isinstance(default, Path) else default
    assert f"`{str(shown).lower() if isinstance(shown, bool) else shown}`" in row[-1]


_SECTIONS: Final[Mapping[type[BaseModel], str]] = {
    AccountTable: "### `[accounts.NAME]`",
    StripeAccountConfig: "### `[accounts.NAME]`",
    OgoneAccountConfig: "### `[accounts.NAME]` of Ogone",
    CountryTable: "### `[countries.CODE]`",
    MethodTable: "### `[[countries.CODE.methods]]`",
    LimitsTable: "### `limits.CURRENCY`",
    CanaryTable: "### `[countries.CODE.methods.canary]`",
    CallerTable: '### `[callers."NAME"]`',
}
"""Under which heading of docs/configuration.md a table's keys stand."""
_KEYS: Final = [
    (table, name, field) for table in _SECTIONS for name, field in table.model_fields.items()
]


@pytest.mark.parametrize(
    "table,name,field", _KEYS, ids=[f"{table.__name__}-{name}" for table, name, _ in _KEYS]
)
def test_every_key_is_documented(table: type[BaseModel], name: str, field: FieldInfo) -> None:
    """With its meaning, and whether it must be there."""
    row = _row(_SECTIONS[table], name)

    assert field.is_required() == (row[-1] == "required")
    if isinstance(field.default, bool | int | float):
        assert row[-1] == f"`{str(field.default).lower()}`"


def test_every_table_of_the_file_is_documented() -> None:
    """By a heading of its own."""
    headings = [line for line in _CONFIGURATION.read_text().splitlines() if line.startswith("### ")]

    for name in FileTable.model_fields:
        assert any(f"`[{name}." in heading for heading in headings), name


def _row(heading: str, name: str) -> list[str]:
    """Return the cells of the table row that begins with a name, under a heading."""
    _, _, rest = _CONFIGURATION.read_text().partition(f"\n{heading}\n")
    section = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]
    row = re.search(rf"^\| `{name}` \|(.*)\|$", section, re.MULTILINE)
    assert row, f"docs/configuration.md has no row for {name} under {heading}"
    return [cell.strip() for cell in row[1].split("|")]


@pytest.mark.parametrize("document", [_ROOT / "README.md", _CONFIGURATION], ids=lambda p: p.name)
def test_examples_of_the_file_are_valid(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page's examples make a configuration that is accepted."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_of_nobody")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_of_nobody")
    for name in ("PASSWORD", "SHA_IN_ECOMMERCE", "SHA_IN_DIRECTLINK", "SHA_OUT"):
        monkeypatch.setenv(f"OGONE_{name}", "of nobody")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/rolled_webhook_secret").write_text("whsec_of_nobody_else")
    text = "\n".join(_TOML.findall(document.read_text()))
    (tmp_path / "paygate.toml").write_text(text)

    configuration = load_configuration(tmp_path / "paygate.toml")

    assert set(configuration.table.countries) == set(tomllib.loads(text)["countries"])


def test_reasons_are_the_same_everywhere() -> None:
    """docs/errors.md, the contract's comments and the table give each reason the same status."""
    documented = dict(_REASON_ROW.findall((_ROOT / "docs/errors.md").read_text()))
    contract = (_ROOT / "protos/paygate/v1/errors.proto").read_text()
    promised = {reason: status for status, reason in _REASON_IN_CONTRACT.findall(contract)}
    table = {reason.value: code.name for reason, code in CODE_OF_REASON.items()}

    assert documented == promised == table


def test_the_sandbox_page_is_complete() -> None:
    """Every card, control endpoint and fault is on it."""
    text = _SANDBOX.read_text()
    # The declining cards have a second name each, which the page tells as a rule.
    cards = [name for name in TEST_CARDS if not name.startswith("pm_card_visa_charge")]
    endpoints = [f"{method} {path}" for method, path in ACTIONS]

    for name in (*cards, *endpoints, *FaultKind):
        assert f"`{name}`" in text, name


def test_every_command_is_in_the_readme() -> None:
    """With each of its options."""
    text = (_ROOT / "README.md").read_text()

    for name, options in _commands(typer.main.get_command(app), "paygate"):
        (row,) = (line for line in text.splitlines() if re.match(rf"\| `{name}[ `]", line))
        assert [option for option in options if option not in row] == [], name


def _commands(command: object, name: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(command, TyperGroup):
        for each, inner in command.commands.items():
            yield from _commands(inner, f"{name} {each}")
        return
    parameters = getattr(command, "params", [])
    shown = [parameter for parameter in parameters if not getattr(parameter, "hidden", False)]
    options = [option for parameter in shown for option in parameter.opts]
    yield name, [option for option in options if option.startswith("--") and option != "--help"]
