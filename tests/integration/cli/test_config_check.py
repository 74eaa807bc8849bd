"""`paygate config check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.settings import SANDBOX_CONFIG_FILE
from tests.integration.cli.conftest import Run

_SANDBOX = str(SANDBOX_CONFIG_FILE)


def test_a_valid_file_is_summed_up(run: Run) -> None:
    """Every method of every country is listed, and the file's digest."""
    ran = run("config", "check", _SANDBOX)

    assert (ran.exit_code, ran.errors) == (0, [])
    assert "FR\tEUR\tat_order\tcard\tstripe_eu\n" in ran.out
    assert ran.out.splitlines()[-1].startswith(f"{_SANDBOX}: valid, with digest ")


def test_a_valid_file_in_json(run: Run) -> None:
    """A program reads accounts, countries and digest."""
    ran = run("config", "check", _SANDBOX, "--json")
    document = json.loads(ran.out)

    assert ran.exit_code == 0
    assert document["valid"] is True
    assert document["accounts"] == ["ogone_be", "stripe_eu"]
    assert document["countries"] == ["BE", "DE", "ES", "FR", "PL", "PT"]
    assert len(document["config_digest"]) == 16


def test_what_callers_may_call_is_listed_whole(run: Run, tmp_path: Path) -> None:
    """Every method, however few patterns named them, for a person and for a program."""
    name = "spiffe://shop.example/checkout"
    path = SANDBOX_CONFIG_FILE.with_name("sandbox.toml")
    text = path.read_text(encoding="utf-8").replace('"file:', f'"file:{path.parent}/')
    file = tmp_path / "paygate.toml"
    file.write_text(f'{text}\n[callers."{name}"]\nmethods = ["paygate.v1.RoutingService"]\n')
    methods = ["ExplainRoute", "GetCountryPolicy", "ListCountryPolicies"]
    full = [f"paygate.v1.RoutingService/{method}" for method in methods]

    ran = run("config", "check", str(file))
    document = json.loads(run("config", "check", str(file), "--json").out)

    assert [line for line in ran.out.splitlines() if line.startswith(name)] == [
        f"{name}\t{method}" for method in full
    ]
    assert ran.out.splitlines()[-1].endswith("callers: 1")
    assert document["callers"] == {name: full}


def test_methods_that_are_off_are_marked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default file is checked if none is named."""
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_1")

    ran = run("config", "check")

    assert ran.exit_code == 0
    assert "ES\tEUR\tmanual\tpaypal (switched off)\tstripe_eu\n" in ran.out


def test_a_wrong_file_is_exit_code_2(run: Run, tmp_path: Path) -> None:
    """Every problem is a line on standard error with file, place, problem and cure."""
    path = tmp_path / "wrong.toml"
    path.write_text("[acounts.a]\n[countries]\n", encoding="utf-8")

    ran = run("config", "check", str(path))

    assert (ran.exit_code, ran.out) == (2, "")
    assert sorted(ran.errors) == [
        f"{path}: accounts: is missing: add it",
        f"{path}: acounts: is no key of this table: did you mean accounts?",
        f"{path}: countries: is empty: name at least one",
    ]


def test_a_wrong_file_in_json(run: Run, tmp_path: Path) -> None:
    """A program reads the problems one by one."""
    path = tmp_path / "wrong.toml"
    path.write_text("[accounts", encoding="utf-8")

    ran = run("config", "check", str(path), "--json")

    assert ran.exit_code == 2
    assert json.loads(ran.out) == {
        "file": str(path),
        "valid": False,
        "problems": [
            {
                "place": "end of document",
                "problem": "is no TOML: expected ']' at the end of a table declaration",
                "cure": "correct the syntax there",
            }
        ],
    }


def test_secrets_that_are_not_there_are_named(run: Run) -> None:
    """A fresh installation says which variables to export."""
    ran = run("config", "check")

    assert ran.exit_code == 2
    assert [line.rsplit(": ", 2)[1:] for line in ran.errors] == [
        ["the environment variable STRIPE_API_KEY is not set or empty", "export it"],
        ["the environment variable STRIPE_WEBHOOK_SECRET is not set or empty", "export it"],
    ]


def test_a_lease_that_a_call_may_outlast_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is checked against the process's settings too."""
    monkeypatch.setenv("PAYGATE_OPERATION_LEASE_S", "5")

    ran = run("config", "check", _SANDBOX, "--json")

    assert ran.exit_code == 2
    assert ran.errors[0].startswith("PAYGATE_OPERATION_LEASE_S: 5 s is not above")
    assert json.loads(ran.out) == {"errors": ran.errors}
