"""Checks of the Kubernetes manifests."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.deploy_facts import (
    GRACE_S,
    command_problems,
    image_problems,
    routes,
    setting_problems,
)

_FOLDER: Final = "config/kubernetes"
_API_VERSIONS: Final[Mapping[str, str]] = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Namespace": "v1",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
}
_PROBES: Final[Mapping[str, str]] = {
    "startupProbe": "/healthz",
    "livenessProbe": "/healthz",
    "readinessProbe": "/readyz",
}
_WORKLOADS: Final = frozenset({"Deployment", "Job"})
Object = Mapping[str, Any]


def kubernetes_problems(root: Path) -> list[str]:
    """Check every object of every manifest, and that they go with each other."""
    objects: list[tuple[str, Object]] = []
    found: list[str] = []
    for file in sorted((root / _FOLDER).glob("*.yaml")):
        try:
            documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            found.append(f"{_FOLDER}/{file.name}: {error}")
            continue
        for document in documents:
            where = f"{_FOLDER}/{file.name}: {document['kind']} {document['metadata']['name']}"
            objects.append((where, document))
    settings = {
        each["metadata"]["name"]: each["data"] for _, each in objects if each["kind"] == "ConfigMap"
    }
    labels = [
        _template(each)["metadata"]["labels"] for _, each in objects if "template" in str(each)
    ]
    for where, each in objects:
        if _API_VERSIONS.get(each["kind"]) != each["apiVersion"]:
            found.append(f"{where}: {each['apiVersion']} is not its API version")
        if each["kind"] in _WORKLOADS:
            found += _pod_problems(root, where, each, settings)
        elif each["kind"] in {"Service", "PodDisruptionBudget"}:
            found += _selector_problems(where, each, labels)
    deployments = {each["metadata"]["name"] for _, each in objects if each["kind"] == "Deployment"}
    budgets = {
        each["metadata"]["name"] for _, each in objects if each["kind"] == "PodDisruptionBudget"
    }
    found += [f"{_FOLDER}: {name} has no budget" for name in sorted(deployments - budgets)]
    return found


def _template(each: Object) -> Object:
    template: Object = each["spec"]["template"]
    return template


def _pod_problems(
    root: Path, where: str, each: Object, settings: Mapping[str, Mapping[str, str]]
) -> list[str]:
    pod = _template(each)["spec"]
    found: list[str] = []
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        found.append(f"{where}: may run as root")
    if pod.get("automountServiceAccountToken") is not False:
        found.append(f"{where}: is given a token of the cluster that it does not need")
    if each["kind"] == "Job" and pod.get("restartPolicy") not in {"Never", "OnFailure"}:
        found.append(f"{where}: restartPolicy of a Job is Never or OnFailure")
    if each["kind"] == "Deployment":
        chosen = each["spec"]["selector"]["matchLabels"]
        if chosen != _template(each)["metadata"]["labels"]:
            found.append(f"{where}: does not select its own pods")
    for container in pod["containers"]:
        found += _container_problems(root, where, container, settings)
        if each["kind"] == "Deployment":
            found += _lasting_problems(where, pod, container, settings)
    return found


def _container_problems(
    root: Path, where: str, container: Object, settings: Mapping[str, Mapping[str, str]]
) -> list[str]:
    found = image_problems(where, container["image"]) + command_problems(where, container["args"])
    environment = _environment(container, settings)
    found += setting_problems(where, environment)
    given = {name for name in environment if not name.startswith("PAYGATE_")}
    found += [
        f"{where}: config/paygate.toml asks for {name}, which is not given"
        for name in sorted(_references(root) - given)
        if container["args"][0] in {"serve", "worker"}
    ]
    limits = container.get("resources", {}).get("limits", {})
    if set(limits) < {"cpu", "memory"}:
        found.append(f"{where}: has no limits of processor and memory")
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        found.append(f"{where}: may gain privileges")
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        found.append(f"{where}: keeps capabilities")
    if context.get("readOnlyRootFilesystem") is not True:
        found.append(f"{where}: may write into its image")
    names = {volume["name"] for volume in container.get("volumeMounts", ())}
    return found if len(names) == len(container.get("volumeMounts", ())) else [*found, where]


def _lasting_problems(
    where: str, pod: Object, container: Object, settings: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Check what a container that serves for long must have: probes, ports, a good end."""
    environment = _environment(container, settings)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    found = [
        f"{where}: port {name} is not {variable}"
        for name, port in ports.items()
        if environment.get(variable := f"PAYGATE_{name.upper()}_PORT") != str(port)
    ]
    known = routes()
    for probe, path in _PROBES.items():
        asked = container.get(probe, {}).get("httpGet", {})
        if asked.get("path") != path or path not in known or asked.get("port") not in ports:
            found.append(f"{where}: {probe} does not ask for {path} at a port of its own")
    pause_s = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    delay_s = float(environment.get("PAYGATE_SHUTDOWN_DELAY_S") or 0)
    ending_s = pause_s + delay_s + float(environment.get("PAYGATE_SHUTDOWN_GRACE_S") or GRACE_S)
    if pod.get("terminationGracePeriodSeconds", 0) <= ending_s:
        found.append(f"{where}: is killed before {ending_s:g} s of preStop, delay and grace")
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    found += [f"{where}: mounts {name}, which is no volume" for name in sorted(mounted - volumes)]
    return found


def _environment(
    container: Object, settings: Mapping[str, Mapping[str, str]]
) -> dict[str, str | None]:
    environment: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        environment |= settings.get(source["configMapRef"]["name"], {})
    for entry in container.get("env", ()):
        environment[entry["name"]] = entry.get("value")
    return environment


def _references(root: Path) -> set[str]:
    """Return the environment variables that the example configuration takes secrets from."""
    text = (root / "config/paygate.toml").read_text(encoding="utf-8")
    return {word.removeprefix("env:") for word in _texts(tomllib.loads(text)) if word[:4] == "env:"}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


def _selector_problems(where: str, each: Object, labels: Sequence[Mapping[str, str]]) -> list[str]:
    selector: Mapping[str, Any] = each["spec"]["selector"]
    wanted = selector.get("matchLabels", selector)
    chosen = [each for each in labels if wanted.items() <= each.items()]
    return [] if len(chosen) == 1 else [f"{where}: selects the pods of {len(chosen)} workloads"]
