"""Checks of what Prometheus and Grafana are told: that it is there, and that somebody knows why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.deploy_facts import metric_problems, routes

_PROMETHEUS: Final = "config/prometheus/prometheus.yaml"
_ALERTS: Final = "config/prometheus/alerts.yaml"
_DASHBOARD: Final = "config/grafana/paygate.json"
_RUNBOOK: Final = "docs/runbook.md"
_SEVERITIES: Final = frozenset({"page", "ticket"})
_PROCESS_JOB: Final = re.compile(r"\b(?:up|process_\w+)\{job=~?\"([^\"]*)\"\}")
"""What asks for processes by the job that Prometheus scrapes them as; our metrics have none."""
_DURATION: Final = re.compile(r"\d+[smhd]")


def prometheus_problems(root: Path) -> list[str]:
    """Check where Prometheus looks and what it alarms of."""
    try:
        (scraping,) = yaml.safe_load_all((root / _PROMETHEUS).read_text(encoding="utf-8"))
        (rules,) = yaml.safe_load_all((root / _ALERTS).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        return [f"config/prometheus: {error}"]
    here = (root / _PROMETHEUS).parent
    found = [
        f"{_PROMETHEUS}: {name} is not there"
        for name in scraping["rule_files"]
        if not (here / name).exists()
    ]
    found += [
        f"{_PROMETHEUS}: nothing is served at {job['metrics_path']}"
        for job in scraping["scrape_configs"]
        if job["metrics_path"] not in routes()
    ]
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    names = [rule["alert"] for rule in alerts]
    found += [f"{_ALERTS}: {name} is there twice" for name in set(names) if names.count(name) > 1]
    sections = runbook_sections(root)
    for rule in alerts:
        found += _alert_problems(f"{_ALERTS}: {rule['alert']}", rule, sections)
        found += _job_problems(f"{_ALERTS}: {rule['alert']}", rule["expr"], root)
    expressions = {rule["expr"] for rule in alerts}
    found += [
        f"{_ALERTS}: nobody is told when no {job} answers"
        for job in sorted(_jobs(root))
        if f'absent(up{{job="{job}"}} == 1)' not in expressions
    ]
    found += [
        f"{_RUNBOOK}: {name} is no alert"
        for name in sorted(sections.keys() - {name.lower() for name in names})
        if name.startswith("paygate")
    ]
    return found


def _alert_problems(where: str, rule: Mapping[str, Any], sections: Mapping[str, str]) -> list[str]:
    found = metric_problems(where, rule["expr"])
    if rule["expr"].count("(") != rule["expr"].count(")"):
        found.append(f"{where}: its brackets do not match")
    if rule["labels"]["severity"] not in _SEVERITIES:
        found.append(f"{where}: severity is page or ticket")
    if not _DURATION.fullmatch(rule.get("for", "1m")):
        found.append(f"{where}: {rule['for']!r} is no duration")
    anchor = rule["alert"].lower()
    if rule["annotations"]["runbook"] != f"{_RUNBOOK}#{anchor}":
        found.append(f"{where}: its runbook is not {_RUNBOOK}#{anchor}")
    if "```" not in sections.get(anchor, ""):
        found.append(f"{where}: {_RUNBOOK} does not say what to type")
    return found


def _jobs(root: Path) -> frozenset[str]:
    scraping = yaml.safe_load((root / _PROMETHEUS).read_text(encoding="utf-8"))
    return frozenset(job["job_name"] for job in scraping["scrape_configs"])


def _job_problems(where: str, expression: str, root: Path) -> list[str]:
    asked = {job for jobs in _PROCESS_JOB.findall(expression) for job in jobs.split("|")}
    return [f"{where}: Prometheus has no job {job}" for job in sorted(asked - _jobs(root))]


def runbook_sections(root: Path) -> dict[str, str]:
    """Return the runbook's sections, by their anchors."""
    _, *parts = re.split(r"^###? (.+)$", (root / _RUNBOOK).read_text("utf-8"), flags=re.MULTILINE)
    return {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): text
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def dashboard_problems(root: Path) -> list[str]:
    """Check that each panel of the dashboard asks for something that there is."""
    board = json.loads((root / _DASHBOARD).read_text(encoding="utf-8"))
    found: list[str] = []
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        found.append(f"{_DASHBOARD}: two panels have one id")
    for where, expression in _expressions(board):
        found += metric_problems(where, expression)
        found += _job_problems(where, expression, root)
    found += [
        f"{_DASHBOARD}: {panel['title']} asks for nothing"
        for panel in board["panels"]
        if panel["type"] != "row" and not panel.get("targets")
    ]
    return found


def _expressions(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield f"{_DASHBOARD}: {panel['title']}", target["expr"]
    for variable in board["templating"]["list"]:
        yield f"{_DASHBOARD}: ${variable['name']}", variable["query"]
