"""Checks of the Dockerfile and the compose file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.deploy_facts import (
    GRACE_S,
    GRPC_PORT,
    HTTP_PORT,
    command_problems,
    image_problems,
    setting_problems,
)

_DOCKERFILE: Final = "config/docker/Dockerfile"
_COMPOSE: Final = "config/docker/compose.yaml"
_OWN_IMAGE: Final = "paygate:"
_SECONDS: Final = re.compile(r"(\d+)s")


def dockerfile_problems(root: Path) -> list[str]:
    """Check that the image is built in stages, of pinned and hashed parts, and not run as root."""
    text = (root / _DOCKERFILE).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0].isupper()]
    by_word: dict[str, list[str]] = {}
    for word, *rest in lines:
        by_word.setdefault(word, []).append(rest[0] if rest else "")
    found: list[str] = []
    for argument in by_word.get("ARG", []):
        found += image_problems(_DOCKERFILE, argument.partition("=")[2])
    if len(by_word.get("FROM", [])) < 2:  # noqa: PLR2004 - one to build in and one to run
        found.append(f"{_DOCKERFILE}: has one stage, so that the image holds what built it")
    users = by_word.get("USER", [""])
    if not re.fullmatch(r"[1-9]\d*(:\d+)?", users[-1]):
        found.append(f"{_DOCKERFILE}: USER is no number above 0, so that it may be root")
    if "--require-hashes" not in text:
        found.append(f"{_DOCKERFILE}: installs packages without --require-hashes")
    if by_word.get("EXPOSE") != [f"{GRPC_PORT} {HTTP_PORT}"]:
        found.append(f"{_DOCKERFILE}: EXPOSE is not {GRPC_PORT} {HTTP_PORT}")
    for copied in by_word.get("COPY", []):
        if not copied.startswith("--from"):
            *sources, _ = copied.split()
            found += _missing(root, _DOCKERFILE, sources)
    return found


def compose_problems(root: Path) -> list[str]:
    """Check every service of the compose file."""
    try:
        (document,) = yaml.safe_load_all((root / _COMPOSE).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        return [f"{_COMPOSE}: {error}"]
    services: Mapping[str, Any] = document["services"]
    found: list[str] = []
    for name, service in services.items():
        where = f"{_COMPOSE}: {name}"
        found += image_problems(where, service["image"])
        if service["image"].startswith(_OWN_IMAGE):
            found += _own_problems(where, service)
        found += _mount_problems(root, where, service, document.get("volumes", {}))
        found += [
            f"{where}: waits for {other}, which is no service"
            for other in service.get("depends_on", ())
            if other not in services
        ]
    return found


def _own_problems(where: str, service: Mapping[str, Any]) -> list[str]:
    environment: Mapping[str, str] = service.get("environment", {})
    found = command_problems(where, service["command"]) + setting_problems(where, environment)
    if service["command"][0] in {"serve", "worker"}:
        grace = _SECONDS.fullmatch(str(service.get("stop_grace_period", "")))
        if grace is None or int(grace[1]) <= GRACE_S:
            found.append(f"{where}: stop_grace_period is not above {GRACE_S:g}s")
    served = {
        str(environment.get("PAYGATE_GRPC_PORT", GRPC_PORT)),
        str(environment.get("PAYGATE_HTTP_PORT", HTTP_PORT)),
    }
    for port in service.get("ports", ()):
        *address, _, inner = port.split(":")
        if inner not in served:
            found.append(f"{where}: nothing listens at {inner}")
        if address != ["127.0.0.1"]:
            found.append(f"{where}: {port} is open to other machines")
    return found


def _mount_problems(
    root: Path, where: str, service: Mapping[str, Any], volumes: Mapping[str, Any]
) -> list[str]:
    sources = [mount.split(":")[0] for mount in service.get("volumes", ())]
    here = (root / _COMPOSE).parent
    return [
        f"{where}: mounts {source}, which is not there"
        for source in sources
        if not ((here / source).exists() if source.startswith(".") else source in volumes)
    ]


def _missing(root: Path, where: str, sources: list[str]) -> list[str]:
    return [
        f"{where}: copies {source}, which is not there"
        for source in sources
        if not (root / source).exists()
    ]
