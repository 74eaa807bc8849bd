"""The demo's steps, each on a stage of its own: every call goes over the wire."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.stage import Stage, open_stage, stage_settings
from gateway.demo.steps import STEPS, Step
from gateway.demo.telling import PromiseBrokenError, Telling, expect


@pytest.fixture
async def stage(tmp_path: Path, migrated_url: str) -> AsyncIterator[Stage]:
    """Return sandbox, back office and gateway, on each database."""
    settings = stage_settings(tmp_path).model_copy(update={"database_url": migrated_url})
    async with open_stage(tmp_path, settings) as opened:
        yield opened


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
async def test_each_step_ends_as_promised(stage: Stage, step: Step) -> None:
    """A step stands by itself, whatever was played before it."""
    telling = Telling(None)
    telling.begin(1, step.title)

    await step.play(stage, telling)

    assert telling.steps[0]["told"]


def test_a_broken_promise_is_an_error() -> None:
    """A demo that could not fail would promise nothing."""
    with pytest.raises(PromiseBrokenError, match="twice two is five"):
        expect(2 + 2 == 5, "twice two is five")


def test_the_command_plays_all_and_ends_by_itself() -> None:
    """`paygate demo --json` ends with exit code 0 and tells of every step."""
    command = Path(sys.executable).parent / "paygate"

    done = subprocess.run(
        [command, "demo", "--json"], capture_output=True, check=False, timeout=120, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [step["kept"] for step in told["steps"]] == [True] * len(STEPS)
