"""The Helm chart, rendered by helm: what comes out is what Kubernetes takes, confined, and all of it can be turned off."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import exporter
from exporter import config, trust
from tests.deploy.copied import DASHBOARDS, DEPLOY, RULES
from tests.deploy.helm import Values, file, helm, template
from tests.deploy.objects import (
    WORKLOADS,
    Object,
    assert_confined,
    assert_fits_its_schema,
    assert_selected,
    maps_of,
)
from tests.deploy.operator import complaints
from tests.deploy.variants import EVERYTHING, VARIANTS, WRONG
from tests.programs import program

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.demo.authority import Issued

CHART = DEPLOY / "helm" / "smtp-tls-exporter"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def chart(root: Issued, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Object]]:
    """The objects of every variant, rendered once; the one with everything has a certificate beside its configuration."""
    given = {name: values for name, (values, _) in VARIANTS.items()}
    own = {**EVERYTHING["exporter"], "files": {"contoso-root.pem": root.pem}}
    given["everything"] = {**EVERYTHING, "exporter": own}
    home = tmp_path_factory.mktemp("helm")
    return {name: template(CHART, values, home) for name, values in given.items()}


def by_name(objects: list[Object]) -> dict[str, Object]:
    """Every object by kind and name."""
    return {f"{one['kind']} {one['metadata']['name']}": one for one in objects}


def test_versions_are_those_of_the_program() -> None:
    """The chart is released with the program, and its image is the program's unless a value says otherwise."""
    content = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert content["version"] == content["appVersion"] == exporter.__version__


@pytest.mark.parametrize("name", VARIANTS)
def test_helm_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    """Helm's linter, in its strict mode, wishes for nothing but a picture."""
    values = file(VARIANTS[name][0], tmp_path)
    done = helm("lint", "--strict", "--quiet", CHART, "--values", values, home=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize(("name", "kinds"), [(name, kinds) for name, (_, kinds) in VARIANTS.items()])
def test_parts_can_be_turned_off(name: str, kinds: set[str], chart: dict[str, list[Object]]) -> None:
    """Exactly the objects come out that the values ask for, none twice, all with the labels of the release."""
    found = chart[name]
    assert {one["kind"] for one in found} == kinds
    assert len(by_name(chart[name])) == len(found)
    for one in found:
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "smtp-tls-exporter"
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "demo"


@pytest.mark.parametrize("name", VARIANTS)
def test_objects_fit_their_schemas(name: str, chart: dict[str, list[Object]]) -> None:
    """Each object is one that Kubernetes takes, no key misspelled."""
    for one in chart[name]:
        assert_fits_its_schema(one)


@pytest.mark.parametrize("name", ["everything", "rules and dashboards alone"])
def test_objects_fit_the_operator(name: str, chart: dict[str, list[Object]]) -> None:
    """The Prometheus Operator's own types have nothing against its objects."""
    assert complaints(chart[name]) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_pods_are_confined_and_start_what_exists(name: str, chart: dict[str, list[Object]]) -> None:
    """No root, no capabilities, nothing writable but /tmp and the storage; flags, ports, volumes and selectors fit."""
    found = chart[name]
    maps = {one["metadata"]["name"] for one in found if one["kind"] == "ConfigMap"}
    accounts = {one["metadata"]["name"] for one in found if one["kind"] == "ServiceAccount"}
    for one in found:
        if one["kind"] in WORKLOADS:
            assert_confined(one)
            assert maps_of(one) <= maps
            assert {one["spec"]["template"]["spec"]["serviceAccountName"]} == accounts
    assert_selected(found)


def test_chart_and_manifests_start_the_same(chart: dict[str, list[Object]]) -> None:
    """The pods of the chart are those of deploy/kubernetes, but for names, image and labels."""
    plain = [
        one
        for name in ("exporter.yaml", "prober.yaml")
        for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text(encoding="utf-8"))
    ]
    pods = {one["kind"]: _pod(one) for one in plain if one["kind"] in WORKLOADS}
    assert {one["kind"]: _pod(one) for one in chart["as it is"] if one["kind"] in WORKLOADS} == pods


def _pod(workload: Object) -> Object:
    pod: Object = workload["spec"]["template"]["spec"]
    own = {"name", "image", "imagePullPolicy"}
    container = {key: value for key, value in pod["containers"][0].items() if key not in own}
    return {"containers": container, "security": pod["securityContext"], "volumes": len(pod["volumes"])}


@pytest.mark.parametrize("name", VARIANTS)
def test_configurations_are_understood(name: str, chart: dict[str, list[Object]], tmp_path: Path) -> None:
    """The exporter takes each configuration, with the files beside it."""
    for workload in chart[name]:
        if workload["kind"] in WORKLOADS:
            (mounted,) = maps_of(workload)
            for file, text in by_name(chart[name])[f"ConfigMap {mounted}"]["data"].items():
                (tmp_path / file).write_text(text, encoding="utf-8")
            loaded = config.load(tmp_path / "config.yaml", trust.load)
            assert bool(loaded.targets) == (workload["kind"] == "StatefulSet")


def test_values_reach_the_pods(chart: dict[str, list[Object]]) -> None:
    """Image, secrets, storage, flags and what is said of every pod arrive where they belong."""
    found = by_name(chart["everything"])
    spec = found["StatefulSet mail"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.org/smtp-tls-exporter:1"
    assert container["args"][1:] == [
        "--shard=$(SHARD)/3", "--storage.path=/var/lib/smtp-tls-exporter/store", "--log.format=json",
    ]  # fmt: skip
    assert {"name": "secrets", "secret": {"secretName": "passwords"}} in pod["volumes"]
    assert pod["securityContext"]["fsGroup"] == 65532
    assert spec["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"
    assert spec["template"]["metadata"]["annotations"] == {"team": "mail"}
    for kind in ("StatefulSet mail", "Deployment mail-prober"):
        given = found[kind]["spec"]["template"]["spec"]
        for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
            assert given[key] == EVERYTHING["pod"][key]
        assert given["imagePullSecrets"] == [{"name": "registry"}]
    assert found["ConfigMap mail"]["binaryData"] == {"cacerts": "/u3+7Q=="}
    assert (
        by_name(chart["a fixed number of probers"])["Deployment demo-smtp-tls-prober"]["spec"]["replicas"]
        == 4
    )
    assert "ingress" not in by_name(chart["open to nobody"])["NetworkPolicy demo-smtp-tls"]["spec"]


def test_monitors_are_found_by_the_rules(chart: dict[str, list[Object]]) -> None:
    """The jobs are called as the rules expect; what Prometheus selects by is on each object; the probers have an address in every namespace."""
    found = by_name(chart["everything"])
    monitor, probe = found["ServiceMonitor mail"], found["Probe mail-prober"]
    assert found["Service mail"]["metadata"]["labels"][monitor["spec"]["jobLabel"]].startswith("smtp-tls")
    assert probe["spec"]["jobName"].startswith("smtp-tls")
    assert probe["spec"]["prober"]["url"] == "mail-prober.mail.svc:10465"
    for one in (monitor, probe, found["PrometheusRule mail"]):
        assert one["metadata"]["labels"]["release"] == "kube-prometheus"


def test_rules_are_the_rules(chart: dict[str, list[Object]], tmp_path: Path) -> None:
    """The rule object has all rules, their templates as they are, their links as the values want; promtool takes them."""
    spec = by_name(chart["everything"])["PrometheusRule mail"]["spec"]
    text = RULES.read_text(encoding="utf-8")
    assert spec == yaml.safe_load(text.replace("docs/runbooks.md", "https://wiki.example.org/runbooks"))
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "rules", tmp_path / "rules.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboards_are_the_dashboards(chart: dict[str, list[Object]]) -> None:
    """The map has the label that Grafana's sidecar looks for, and both dashboards whole."""
    found = by_name(chart["as it is"])["ConfigMap demo-smtp-tls-dashboards"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in found["data"].items()} == {
        path.name: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS
    }


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, (_, key) in WRONG.items()])
def test_wrong_values_are_refused(name: str, key: str, tmp_path: Path) -> None:
    """Helm refuses values that the schema does not allow, and names them."""
    with pytest.raises(ValueError, match=rf"(?s)schema.*{key}"):
        template(CHART, WRONG[name][0], tmp_path)


def test_schema_knows_every_value() -> None:
    """Each value of values.yaml stands in the schema, and the other way round; nothing else is allowed."""
    assert _described(SCHEMA) - {"global"} == _keys(VALUES)


def _described(schema: dict[str, Any], before: str = "") -> set[str]:
    found: set[str] = set()
    for name, one in schema.get("properties", {}).items():
        found |= {before + name} if "properties" not in one else _described(one, f"{before}{name}.")
    assert schema["additionalProperties"] is False
    return found - {"exporter.resources.claims", "prober.resources.claims"}


def _keys(values: Values, before: str = "", depth: int = 0) -> set[str]:
    found: set[str] = set()
    for name, one in values.items():
        inner = isinstance(one, dict) and one and name not in {"config", "requests", "limits", "labels"}
        found |= _keys(one, f"{before}{name}.", depth + 1) if inner else {before + name}
    return found


def test_notes_say_what_to_do_next(tmp_path: Path) -> None:
    """After an installation Helm prints how to reach what was installed, and that the example's targets are still there."""
    usual = _notes({}, tmp_path / "usual")
    assert "port-forward statefulset/demo-smtp-tls 10465" in usual
    assert "http://demo-smtp-tls-prober.mail.svc:10465/probe" in usual
    assert "still those of the example" in usual
    assert "statefulset" not in _notes(VARIANTS["only probers"][0], tmp_path / "probers")


def _notes(values: Values, here: Path) -> str:
    """The notes, which helm shows only where there is a cluster, as a value of an object."""
    copied = here / "chart"
    shutil.copytree(CHART, copied)
    notes = (copied / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    (copied / "templates" / "_notes.tpl").write_text(
        f'{{{{ define "n" }}}}{notes}{{{{ end }}}}', encoding="utf-8"
    )
    text = 'apiVersion: v1\nkind: Notes\nnotes: {{ include "n" . | quote }}\n'
    (copied / "templates" / "notes.yaml").write_text(text, encoding="utf-8")
    (said,) = (one["notes"] for one in template(copied, values, here) if one["kind"] == "Notes")
    return str(said)
