"""A PSP that hangs wakes somebody: the alerts, over what real guards say of it while hours pass.

While it hangs a breaker is open for a minute at most, then half open for as long as a probe lasts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics
from psp.breaker import BreakerRules
from psp.errors import BreakerOpenError, OutcomeUnknownError
from psp.guard import Guard
from psp.observed import PspCall, outcome_of
from psp.ogone.config import OgoneAccountConfig
from psp.stripe.config import StripeAccountConfig
from scripts.check_deploy import ROOT

_ALERTS: Final = frozenset({"PaygateBreakerOpen", "PaygatePspFails"})
_ACCOUNT: Final = "stripe_eu"
_SCRAPED_EVERY_S: Final = 15
_HANGS_FROM_S: Final = 1200
_WATCHED_S: Final = 3600
_WELL_S: Final = 1
"""A call's time while the PSP is well."""
_HANGS_S: Final = [
    1,  # refused at once
    int(StripeAccountConfig.model_fields["total_timeout_s"].default),
    int(OgoneAccountConfig.model_fields["total_timeout_s"].default),
]
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_GAUGE: Final = re.compile(r"(min|max) by \(account\) \((paygate_\w+)\{(.*)\}\) == (\d)")
_RATIO: Final = re.compile(
    r"sum by \(account\) \(rate\((\w+)\{(.*)\}\[(\w+)\]\)\) "
    r"/ sum by \(account\) \(rate\((\w+)(?:\{(.*)\})?\[(\w+)\]\)\) > ([\d.]+)"
)
_MATCHER: Final = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')

_Scrape = Sequence[tuple[str, Mapping[str, str], float]]
"""What all processes say at one moment: name, labels and value of each sample."""


@dataclass
class _Process:
    """One that calls the account each second, and measures as the gateway does."""

    metrics: Metrics
    guard: Guard
    under_way: list[tuple[int, AbstractAsyncContextManager[object], OutcomeUnknownError | None]] = (
        field(default_factory=list)
    )

    async def call(self, now_s: int, hang_s: int | None) -> None:
        ends = [each for each in self.under_way if each[0] <= now_s]
        for each in ends:
            self.under_way.remove(each)
            _, guarded, silence = each
            await guarded.__aexit__(None if silence is None else type(silence), silence, None)
            self._count("ok" if silence is None else outcome_of(silence))
        guarded = self.guard.call()
        try:
            await guarded.__aenter__()
        except BreakerOpenError as refusal:
            self._count(outcome_of(refusal))
            return
        silence = None if hang_s is None else OutcomeUnknownError(_ACCOUNT, "silent")
        self.under_way.append((now_s + (hang_s or _WELL_S), guarded, silence))

    def _count(self, outcome: str) -> None:
        self.metrics.observe_psp_call(PspCall(_ACCOUNT, "create_payment", outcome, 1.0))

    def samples(self) -> Iterable[tuple[str, Mapping[str, str], float]]:
        for family in text_string_to_metric_families(self.metrics.exposition().decode()):
            if family.name.startswith("paygate_psp"):
                for sample in family.samples:
                    yield sample.name, sample.labels, sample.value


async def _watched(hang_s: int | None, processes: int) -> list[_Scrape]:
    """Return what is scraped of an account that is well at first, then hangs for so long a call."""
    now_s = 0
    scrapes: list[_Scrape] = []
    running = []
    for _ in range(processes):
        metrics = Metrics()
        guard = Guard(
            _ACCOUNT,
            at_once=500,
            wait_s=20.0,
            rules=BreakerRules(),
            observe=metrics.set_breaker,
            clock=lambda: float(now_s),
        )
        running.append(_Process(metrics, guard))
    for now_s in range(_WATCHED_S):
        for number, process in enumerate(running):
            # Not in step: the probes of one may go while another rests.
            hangs_from_s = _HANGS_FROM_S + 17 * number
            await process.call(now_s, hang_s if now_s >= hangs_from_s else None)
        if now_s % _SCRAPED_EVERY_S == 0:
            scrapes.append([sample for process in running for sample in process.samples()])
    return scrapes


def _values(scrape: _Scrape, name: str, matchers: str) -> list[float]:
    asked = _MATCHER.findall(matchers)
    return [
        value
        for found, labels, value in scrape
        if found == name
        and all(
            bool(re.fullmatch(wanted, labels[label])) is not mark.startswith("!")
            for label, mark, wanted in asked
        )
    ]


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def _truths(expression: str, scrapes: Sequence[_Scrape]) -> list[bool]:
    """Evaluate one of the two forms that the alerts about PSPs have, at each scrape."""
    gauge = _GAUGE.fullmatch(expression)
    if gauge is not None:
        kind, name, matchers, wanted = gauge.groups()
        take: Callable[[list[float]], float] = min if kind == "min" else max
        return [take(_values(scrape, name, matchers)) == float(wanted) for scrape in scrapes]
    ratio = _RATIO.fullmatch(expression)
    assert ratio is not None, expression
    name, matchers, window, name_of_all, matchers_of_all, window_of_all, limit = ratio.groups()
    some = _increases(scrapes, name, matchers, window)
    every = _increases(scrapes, name_of_all, matchers_of_all or "", window_of_all)
    return [all_ > 0 and part / all_ > float(limit) for part, all_ in zip(some, every, strict=True)]


def _increases(scrapes: Sequence[_Scrape], name: str, matchers: str, window: str) -> list[float]:
    sums = [sum(_values(scrape, name, matchers)) for scrape in scrapes]
    steps = _seconds(window) // _SCRAPED_EVERY_S
    return [after - sums[max(0, number - steps)] for number, after in enumerate(sums)]


async def _fires_at_s(hang_s: int | None, processes: int) -> dict[str, int | None]:
    """Return when each of the two alerts fires first; None: never."""
    rules = yaml.safe_load((ROOT / "config/prometheus/alerts.yaml").read_text("utf-8"))
    scrapes = await _watched(hang_s, processes)
    return {
        rule["alert"]: _lasts_at_s(_truths(rule["expr"], scrapes), _seconds(rule["for"]))
        for group in rules["groups"]
        for rule in group["rules"]
        if rule["alert"] in _ALERTS
    }


def _lasts_at_s(truths: Sequence[bool], for_s: int) -> int | None:
    since_s: int | None = None
    for now_s, true in zip(count(step=_SCRAPED_EVERY_S), truths, strict=False):
        since_s = (now_s if since_s is None else since_s) if true else None
        if since_s is not None and now_s - since_s >= for_s:
            return now_s
    return None


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("hang_s", _HANGS_S)
async def test_somebody_is_woken(hang_s: int, processes: int) -> None:
    """By both alerts, however long each call hangs, and not before."""
    fires_at_s = await _fires_at_s(hang_s, processes)

    assert fires_at_s.keys() == _ALERTS
    for at_s in fires_at_s.values():
        assert at_s is not None, fires_at_s
        assert _HANGS_FROM_S < at_s <= _HANGS_FROM_S + 900


async def test_nobody_is_woken_for_nothing() -> None:
    """While the PSP is well."""
    assert await _fires_at_s(None, 1) == dict.fromkeys(_ALERTS)
