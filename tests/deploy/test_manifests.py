"""Compose, Kubernetes and the image: their files are sound, fit together, and start what exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exporter import config, trust
from exporter.cli import daemon_options, healthy
from tests.deploy.copied import DASHBOARDS, DEPLOY, DOCS, GRAFANA, TOP
from tests.deploy.helm import kubectl
from tests.deploy.objects import WORKLOADS as WORKLOAD_KINDS
from tests.deploy.objects import (
    Object,
    assert_confined,
    assert_fits_its_schema,
    assert_selected,
    is_of_the_operator,
    maps_of,
)
from tests.deploy.operator import complaints
from tests.programs import program

COMPOSE = DEPLOY / "compose"
KUBERNETES = DEPLOY / "kubernetes"
YAML = sorted(
    path
    for path in [*DEPLOY.rglob("*.y*ml"), *GRAFANA.rglob("*.y*ml"), TOP / "config.example.yaml"]
    if path.parent.name != "templates"
)
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
TOOLS = Path(sys.executable).parent


def objects() -> list[Object]:
    """Every object of the resources."""
    texts = [(KUBERNETES / name).read_text(encoding="utf-8") for name in KUSTOMIZATION["resources"]]
    return [found for text in texts for found in yaml.safe_load_all(text)]


OBJECTS = {f"{one['kind']} {one['metadata']['name']}": one for one in objects()}
WORKLOADS = {name: one for name, one in OBJECTS.items() if one["kind"] in WORKLOAD_KINDS}


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


def test_image_asks_the_program_itself_whether_it_is_well() -> None:
    """The health check is the program's own command, at the address where the image listens by default."""
    text = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    asked = re.search(r"^HEALTHCHECK .*--timeout=(\d+)s .*CMD (\[.*\])$", text, re.MULTILINE)
    assert asked
    program_name, word, *arguments = json.loads(asked[2])
    assert f'ENTRYPOINT ["{program_name}"]' in text
    assert word == "healthy"
    assert healthy.parser().parse_args(arguments).url == "http://127.0.0.1:10465"
    assert "EXPOSE 10465" in text


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
    assert_fits_its_schema(OBJECTS[name])


@pytest.mark.servers
def test_objects_fit_the_operator() -> None:
    """The Prometheus Operator's own types have nothing against its objects; they would have against others."""
    own = {one["kind"] for one in OBJECTS.values() if is_of_the_operator(one)}
    assert own == {"ServiceMonitor", "Probe", "PrometheusRule"}
    assert complaints(OBJECTS.values()) == []
    monitor = OBJECTS["ServiceMonitor smtp-tls-exporter"]
    endpoints = [{"port": "http", "interval": "1 minute", "path_": "/metrics"}]
    wrong = {**monitor, "spec": {"endpoints": endpoints}}
    said = "\n".join(complaints([wrong]))
    assert "interval must match" in said
    assert "required property selector" in said
    assert "there is no path_" in said


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_are_confined_and_start_what_exists(name: str) -> None:
    """No root, no capabilities, nothing writable but /tmp; the flags exist; ports and volumes fit."""
    assert_confined(WORKLOADS[name])
    assert maps_of(WORKLOADS[name]) <= {one["name"] for one in KUSTOMIZATION["configMapGenerator"]}


def test_services_find_their_pods() -> None:
    """Each service, budget and monitor selects the pods of one workload."""
    assert_selected(OBJECTS.values())


@pytest.mark.servers
def test_kubectl_makes_one_whole(tmp_path: Path) -> None:
    """The command of deploy.md gives every object in the namespace, pods that mount the maps which were generated, and a map for Grafana's sidecar."""
    page = (DOCS / "deploy.md").read_text(encoding="utf-8")
    command = re.search(
        r"^kubectl (kustomize .* deploy/kubernetes) \| kubectl apply -f -$", page, re.MULTILINE
    )
    assert command
    words = [str(TOP / word) if "/" in word else word for word in command[1].split()]
    done = kubectl(*words, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    made = list(yaml.safe_load_all(done.stdout))
    maps = {one["metadata"]["name"]: one for one in made if one["kind"] == "ConfigMap"}
    assert len(made) == len(OBJECTS) + len(KUSTOMIZATION["configMapGenerator"])
    assert {one["metadata"]["namespace"] for one in made} == {KUSTOMIZATION["namespace"]}
    for one in made:
        assert_fits_its_schema(one)
        if one["kind"] in WORKLOAD_KINDS:
            assert_confined(one)
            (mounted,) = maps_of(one)
            assert "config.yaml" in maps[mounted]["data"]
    assert_selected(made)
    (dashboards,) = (
        one for one in maps.values() if one["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
    )
    assert set(dashboards["data"]) == {path.name for path in DASHBOARDS}


def test_generated_maps_are_made_of_what_exists() -> None:
    """Each file of the kustomization exists, and both configurations are ones that the exporter takes."""
    for one in KUSTOMIZATION["configMapGenerator"]:
        for name in one["files"]:
            assert (KUBERNETES / name.rpartition("=")[2]).exists(), name
    assert config.load(KUBERNETES / "config.yaml", trust.load).targets
    assert not config.load(KUBERNETES / "probe.yaml", trust.load).targets
