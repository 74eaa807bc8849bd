"""The files under config/ go with the code, and a file that does not is found out."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Final

import pytest

import psp.errors
from gateway.errors import Reason
from gateway.metrics import Metrics
from paygate.v1 import (
    order_service_pb2,
    payment_service_pb2,
    reconciliation_service_pb2,
    refund_service_pb2,
)
from scripts.check_deploy import ROOT, problems
from scripts.deploy_facts import command_problems
from scripts.deploy_watching import runbook_sections
from scripts.runtime_lock import runtime_part

_GATEWAY: Final = "config/kubernetes/gateway.yaml"
_SETTINGS: Final = "config/kubernetes/settings.yaml"
_COMPOSE: Final = "config/docker/compose.yaml"
_DOCKERFILE: Final = "config/docker/Dockerfile"
_ALERTS: Final = "config/prometheus/alerts.yaml"
_COMMAND: Final = re.compile(r"^paygate (.+)$", re.MULTILINE)
_CALL: Final = re.compile(r"^rpc (\w+)/(\w+) ", re.MULTILINE)


def test_they_go_with_the_code() -> None:
    """As they stand."""
    assert problems(ROOT) == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the checks look at, to be spoilt."""
    for folder in ("config", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for folder in ("gateway", "psp", "legacy_bridge", "generated", "scripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "scripts/runtime_lock.py").touch()
    (tmp_path / "requirements.lock").touch()
    return tmp_path


@pytest.mark.parametrize(
    "file,before,after,problem",
    [
        (_GATEWAY, '"serve", "--no-workers"', '"serve", "--alone"', "No such option: --alone"),
        (_GATEWAY, '["serve"', '["run"', "there is no command `paygate run"),
        (
            _GATEWAY,
            "containerPort: 8080",
            "containerPort: 8081",
            "port http is not PAYGATE_HTTP_PORT",
        ),
        (_GATEWAY, "path: /readyz", "path: /ready", "readinessProbe does not ask for /readyz"),
        (_GATEWAY, "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
        (
            _GATEWAY,
            "terminationGracePeriodSeconds: 45",
            "terminationGracePeriodSeconds: 25",
            "is killed before 25 s",
        ),
        (_GATEWAY, 'limits: {cpu: "2", memory: 768Mi}', 'limits: {cpu: "2"}', "has no limits"),
        (_GATEWAY, "image: paygate:0.1.0", "image: paygate:latest", "names no version"),
        (_GATEWAY, 'drop: ["ALL"]', "drop: []", "keeps capabilities"),
        (_GATEWAY, "name: STRIPE_API_KEY", "name: STRIPE_KEY", "asks for STRIPE_API_KEY"),
        (_GATEWAY, "policy/v1", "policy/v1beta1", "is not its API version"),
        (_SETTINGS, "PAYGATE_LOG_FORMAT: json", "PAYGATE_LOG_FORMAT: xml", "PAYGATE_LOG_FORMAT"),
        (_SETTINGS, "PAYGATE_DELIVERY", "PAYGATE_DELIVER", "there is no setting PAYGATE_DELIVER"),
        (_COMPOSE, "127.0.0.1:8080:8080", "8080:8080", "is open to other machines"),
        (_COMPOSE, "prom/prometheus:v3.7.3", "prom/prometheus", "names no version"),
        (_COMPOSE, "depends_on: [gateway]", "depends_on: [paygate]", "which is no service"),
        (_COMPOSE, "../prometheus:/etc", "../prom:/etc", "mounts ../prom"),
        (_DOCKERFILE, "USER 10001:10001", "USER root", "may be root"),
        (_DOCKERFILE, "--require-hashes", "--quiet", "without --require-hashes"),
        (_DOCKERFILE, "COPY psp psp", "COPY psps psps", "copies psps"),
        (
            _ALERTS,
            "max(paygate_refunds_overdue)",
            "max(paygate_refunds_late)",
            "no metric paygate_refunds_late",
        ),
        (
            _ALERTS,
            "alert: PaygateDown",
            "alert: PaygateGone",
            "docs/runbook.md does not say what to type",
        ),
        (
            "config/grafana/paygate.json",
            "paygate_refunds_overdue",
            "paygate_overdue",
            "no metric paygate_overdue",
        ),
        (
            _ALERTS,
            'absent(up{job="paygate-worker"} == 1)',
            "absent(up == 1)",
            "nobody is told when no paygate-worker answers",
        ),
        (
            _ALERTS,
            'job="paygate-gateway"',
            'job="paygate"',
            "Prometheus has no job paygate",
        ),
        (
            "config/grafana/paygate.json",
            'process_open_fds{job=~\\"paygate-gateway|',
            'process_open_fds{job=~\\"paygate|',
            "Prometheus has no job paygate",
        ),
        ("docs/runbook.md", "### PaygateDown", "### Paygate is gone", "does not say what to type"),
    ],
)
def test_what_does_not_go_with_it_is_told(
    copy: Path, file: str, before: str, after: str, problem: str
) -> None:
    """Each kind of mistake once."""
    text = (copy / file).read_text()
    assert before in text
    (copy / file).write_text(text.replace(before, after))

    found = problems(copy)

    assert [each for each in found if problem in each] != [], found


def test_the_runbook_types_what_there_is() -> None:
    """Each command of ours in it, and each call."""
    text = (ROOT / "docs/runbook.md").read_text()
    commands = [shlex.split(line) for line in _COMMAND.findall(text)]
    assert len(commands) > 10
    assert [each for words in commands for each in command_problems("runbook", words)] == []
    modules = (
        order_service_pb2,
        payment_service_pb2,
        reconciliation_service_pb2,
        refund_service_pb2,
    )
    served = {
        (service.name, method.name)
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(_CALL.findall(text)) - served == set()


@pytest.mark.parametrize(
    "words,problem",
    [
        ("routes explain FR", "Missing option '--country'"),
        ("routes explain --country FR --method cash", "Invalid value for '--method'"),
        ("account retry", "Missing argument 'movement'"),
        ("sweep now", "unexpected extra argument"),
        ("routes explain --country FR --method card", ""),
    ],
)
def test_a_command_is_whole(words: str, problem: str) -> None:
    """What it needs is there, and takes the values that are given."""
    found = command_problems("here", words.split())

    assert [problem in each for each in found] == ([True] if problem else [])


def test_the_runbook_dials_a_gateway_and_not_the_pod_that_it_types_in() -> None:
    """A worker's own PAYGATE_GRPC_HOST is nobody's."""
    commands = _COMMAND.findall((ROOT / "docs/runbook.md").read_text())
    calling = [line for line in commands if line.startswith(("reconcile ", "aliases import "))]
    assert calling != []
    assert [line for line in calling if " --target paygate.paygate.svc:50051" not in line] == []


def test_the_runbook_reads_the_lines_of_every_replica() -> None:
    """`kubectl logs` reads one pod of a Deployment, and of a selector's ten lines each."""
    text = (ROOT / "docs/runbook.md").read_text()
    reading = re.findall(r"kubectl .*\blogs\b.*", text)
    assert len(reading) == 3
    assert [line for line in reading if " --selector " not in line or " --tail " not in line] == []
    spans = re.findall(r"^lines (\S+) (\S+) \| grep ", text, re.MULTILINE)
    assert len(spans) > 10
    # A Go duration knows no days.
    assert [each for each in spans if re.fullmatch(r"\d+[smh]", each[1]) is None] == []
    assert {name for names, _ in spans for name in names.split(",")} == {"gateway", "worker"}


def test_the_runbook_looks_for_lines_that_are_written() -> None:
    """Each event, outcome, reason or error that it greps the log for stands in the code."""
    text = (ROOT / "docs/runbook.md").read_text()
    greps = "\n".join(re.findall(r"^lines .*", text, re.MULTILINE))
    sought = set(re.findall(r"(?:grep|-e) ([A-Za-z_]+)(?![\w-])", greps))
    sources = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    named = Reason.__members__.keys() | vars(psp.errors).keys()
    assert len(sought) > 10
    assert [word for word in sorted(sought - named) if f'"{word}"' not in sources] == []


def test_every_alert_has_its_own_words() -> None:
    """A section each, none of them empty."""
    sections = runbook_sections(ROOT)
    alerts = re.findall(r"alert: (\w+)", (ROOT / _ALERTS).read_text())
    assert [name for name in alerts if len(sections[name.lower()]) < 80] == []


def test_every_metric_is_documented() -> None:
    """In docs/observability.md, by its name without the suffixes of samples."""
    text = (ROOT / "docs/observability.md").read_text()
    own = {name for name in Metrics().names() if name.startswith("paygate_")}
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in own}
    assert [name for name in sorted(bases) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "wanted,is_there",
    [
        ("grpcio", True),
        ("sqlalchemy", True),
        ("greenlet", True),
        ("ruff", False),
        ("pytest", False),
    ],
)
def test_the_image_holds_the_program_and_no_tools(wanted: str, is_there: bool) -> None:
    """With the pins and hashes of the lock, unchanged."""
    lock = (ROOT / "requirements.lock").read_text()
    part = runtime_part(lock)

    assert (re.search(rf"^{wanted}(\[\w+\])?==", part, re.MULTILINE) is not None) is is_there
    assert "--hash=sha256:" in part
    assert set(part.splitlines()) <= set(lock.splitlines())
