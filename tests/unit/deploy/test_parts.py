"""The files under config/ hold every part that a deployment is made of, joined as it has to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml

from scripts.check_deploy import ROOT

_COMPOSE: Final = "config/docker/compose.yaml"
_COMMANDS: Final[Mapping[str, list[str]]] = {
    "gateway": ["serve"],
    "worker": ["worker"],
    "migrate": ["db", "upgrade"],
}
"""Our processes, and how their commands begin."""
_LASTING: Final = ("paygate-gateway", "paygate-worker")


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / _COMPOSE).read_text("utf-8"))["services"]
    return services


def _objects() -> dict[tuple[str, str], Any]:
    return {
        (each["kind"], each["metadata"]["name"]): each
        for file in (ROOT / "config/kubernetes").glob("*.yaml")
        for each in yaml.safe_load_all(file.read_text("utf-8"))
    }


def test_the_compose_file_runs_everything() -> None:
    """The gateway with what it stands on, and what watches it."""
    services = _services()

    assert services.keys() == {*_COMMANDS, "postgres", "kafka", "prometheus", "grafana"}
    for name, command in _COMMANDS.items():
        assert services[name]["command"][: len(command)] == command
    assert services["gateway"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "kafka": {"condition": "service_healthy"},
    }


def test_prometheus_asks_every_process_of_ours() -> None:
    """Each kind as a job; the worker answers in the gateway's network, at a port of its own."""
    scraping = yaml.safe_load((ROOT / "config/prometheus/prometheus.yaml").read_text("utf-8"))
    targets = {
        job["job_name"]: [each for static in job["static_configs"] for each in static["targets"]]
        for job in scraping["scrape_configs"]
    }
    services = _services()
    own_port = services["worker"]["environment"]["PAYGATE_HTTP_PORT"]

    assert services["worker"]["network_mode"] == "service:gateway"
    assert targets == {
        "paygate-gateway": ["gateway:8080"],
        "paygate-worker": [f"gateway:{own_port}"],
    }


def test_a_certificate_is_told_of_before_it_ends() -> None:
    """Afterwards no call comes in, so that nothing else would tell."""
    rules = yaml.safe_load((ROOT / "config/prometheus/alerts.yaml").read_text("utf-8"))
    told = {
        rule["expr"].partition("(paygate_certificate_")[2]: rule["labels"]["severity"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "paygate_certificate_" in rule["expr"]
    }

    assert told == {
        f"expires_timestamp_seconds) - time() < {7 * 86400}": "ticket",
        f"expires_timestamp_seconds) - time() < {86400}": "page",
        "refused) == 1": "page",
    }


@pytest.mark.parametrize("name", _LASTING)
def test_what_lasts_has_replicas_and_a_budget_that_lets_one_go(name: str) -> None:
    """More than one, so that a machine may be emptied while calls are answered."""
    objects = _objects()
    replicas = objects["Deployment", name]["spec"]["replicas"]
    budget = objects["PodDisruptionBudget", name]["spec"]

    assert replicas > 1
    least = budget.get("minAvailable", replicas - budget.get("maxUnavailable", 0))
    assert 1 <= least < replicas


def test_the_database_is_brought_to_its_revision_by_a_job() -> None:
    """Once, and not by each replica as it starts."""
    pod = _objects()["Job", "paygate-migrate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container["args"] == _COMMANDS["migrate"]
