"""What an operator sees of a canary on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main


def test_the_summary_names_canaries(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the account whose shoppers they take."""
    assert main(["config", "check", str(path)]) == 0

    assert "\tcard\tstripe_eu, canary stripe_two 30 %\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "shopper,account,why",
    [
        (
            ["--customer", "C-2"],
            "stripe_two",
            (
                "customer C-2 is in bucket 321; "
                "the canary stripe_two serves those below 3000 (30 %), so it serves"
            ),
        ),
        (
            ["--customer", "C-1", "--order", "O-1"],
            "stripe_eu",
            (
                "customer C-1 is in bucket 3908; "
                "the canary stripe_two serves those below 3000 (30 %), so stripe_eu serves"
            ),
        ),
        (
            [],
            "stripe_eu",
            (
                "neither customer nor order was given, so stripe_eu serves; "
                "the canary stripe_two serves 30 % of the shoppers"
            ),
        ),
    ],
)
def test_an_explanation_tells_bucket_and_percentage(
    path: Path, capsys: pytest.CaptureFixture[str], shopper: list[str], account: str, why: str
) -> None:
    """The step `canary` says who was looked at, where she falls, and who serves."""
    question = ["--config", str(path), "--country", "FR", "--method", "card", "--json"]
    assert main(["routes", "explain", *question, *shopper]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["psp_account"] == account
    assert {"rule": "canary", "passed": True, "explanation": why} in document["steps"]
