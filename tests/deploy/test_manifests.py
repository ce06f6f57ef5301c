"""Compose, Kubernetes and the image: their files are sound, fit together, and start what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import config, trust
from exporter.cli import daemon_options
from tests.deploy.copied import DEPLOY, GRAFANA, TOP
from tests.programs import program

COMPOSE = DEPLOY / "compose"
KUBERNETES = DEPLOY / "kubernetes"
YAML = sorted([*DEPLOY.rglob("*.y*ml"), *GRAFANA.rglob("*.y*ml"), TOP / "config.example.yaml"])
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
VERSION = "1.31"
"""Of Kubernetes, whose schemas the objects must fit."""
TOOLS = Path(sys.executable).parent


def objects() -> list[dict[str, Any]]:
    """Every object of the resources."""
    texts = [(KUBERNETES / name).read_text(encoding="utf-8") for name in KUSTOMIZATION["resources"]]
    return [found for text in texts for found in yaml.safe_load_all(text)]


OBJECTS = {f"{one['kind']} {one['metadata']['name']}": one for one in objects()}
WORKLOADS = {name: one for name, one in OBJECTS.items() if one["kind"] in {"Deployment", "StatefulSet"}}


def test_yaml_is_tidy() -> None:
    """yamllint has nothing to say about any YAML file that is copied."""
    done = subprocess.run(
        [TOOLS / "yamllint", "--strict", "-c", TOP / ".ci" / "yamllint.yaml", *YAML],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_image_is_built_as_hadolint_wants() -> None:
    """hadolint has nothing to say about the Dockerfile."""
    done = subprocess.run(
        [TOOLS / "hadolint", DEPLOY / "docker" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_mounts_what_exists() -> None:
    """Each mounted file is in the repository, each named volume is declared, each image has a version."""
    content = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in content["services"].items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert (COMPOSE / source).exists() if source.startswith(".") else source in content["volumes"], (
                mount
            )
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        assert set(service.get("depends_on", [])) <= set(content["services"])
    build = content["services"]["exporter"]["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "docker" / "Dockerfile"
    daemon_options.parser().parse_args(content["services"]["exporter"]["command"])


@pytest.mark.servers
def test_prometheus_accepts_the_file_of_compose(tmp_path: Path) -> None:
    """promtool reads it with the rules where compose mounts them."""
    (tmp_path / "prometheus.yml").write_bytes((COMPOSE / "prometheus.yml").read_bytes())
    (tmp_path / "rules").symlink_to(DEPLOY / "prometheus" / "rules")
    done = subprocess.run(
        [program("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_fit_their_schemas(name: str) -> None:
    """Each object is one that Kubernetes takes, no key misspelled."""
    one = OBJECTS[name]
    if one["apiVersion"].startswith("monitoring.coreos.com/"):
        assert one["kind"] in {"ServiceMonitor", "Probe", "PrometheusRule"}
        assert one["spec"]
        return
    import kubernetes_validate  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; reads many schemas

    kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_are_confined_and_start_what_exists(name: str) -> None:
    """No root, no capabilities, nothing writable but /tmp; the flags exist; ports and volumes fit."""
    spec = WORKLOADS[name]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    arguments = [argument.replace("$(SHARD)", "1") for argument in container["args"]]
    given = daemon_options.parser().parse_args(arguments)
    assert given.shard.count == spec.get("replicas", 1)
    maps = {one["name"] for one in KUSTOMIZATION["configMapGenerator"]}
    assert {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one} <= maps
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_services_find_their_pods() -> None:
    """Each service, budget and monitor selects the labels of one workload."""
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in WORKLOADS.values()]
    for one in OBJECTS.values():
        selector = one.get("spec", {}).get("selector")
        if selector and one["kind"] in {"Service", "PodDisruptionBudget", "ServiceMonitor"}:
            assert selector.get("matchLabels", selector) in labels, one["metadata"]["name"]


def test_generated_maps_are_made_of_what_exists() -> None:
    """Each file of the kustomization exists, and both configurations are ones that the exporter takes."""
    for one in KUSTOMIZATION["configMapGenerator"]:
        for name in one["files"]:
            assert (KUBERNETES / name.rpartition("=")[2]).exists(), name
    assert config.load(KUBERNETES / "config.yaml", trust.load).targets
    assert not config.load(KUBERNETES / "probe.yaml", trust.load).targets
