"""Objects of Kubernetes, however they were made: what the tests of the manifests and of the chart demand of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.cli import daemon_options

if TYPE_CHECKING:
    from collections.abc import Iterable

Object = dict[str, Any]
VERSION = "1.31"
"""Of Kubernetes, whose schemas the objects must fit."""
WORKLOADS = {"Deployment", "StatefulSet"}


def assert_fits_its_schema(one: Object) -> None:
    """Kubernetes takes the object, no key misspelled. What is the Prometheus Operator's is left to `tests.deploy.operator`."""
    if not is_of_the_operator(one):
        import kubernetes_validate  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; reads many schemas

        kubernetes_validate.validate(one, VERSION, strict=True)


def is_of_the_operator(one: Object) -> bool:
    """Whether it is one of the Prometheus Operator's own kinds."""
    return bool(one["apiVersion"].startswith("monitoring.coreos.com/"))


def assert_confined(workload: Object) -> None:
    """No root, no capabilities, no token, nothing writable but what is mounted for that; the flags exist; ports and volumes fit."""
    spec = workload["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    arguments = [argument.replace("$(SHARD)", "1") for argument in container["args"]]
    assert ("$(SHARD)" in "".join(container["args"])) == ("env" in container)
    given = daemon_options.parser().parse_args(arguments)
    if workload["kind"] == "StatefulSet":
        assert given.shard.count == spec["replicas"], "each pod has its shard"
    volumes = {one["name"] for one in pod["volumes"]}
    volumes |= {one["metadata"]["name"] for one in spec.get("volumeClaimTemplates", [])}
    assert {one["name"] for one in container["volumeMounts"]} == volumes
    for check in ("livenessProbe", "readinessProbe"):
        assert container[check]["httpGet"]["port"] in {one["name"] for one in container["ports"]}


def maps_of(workload: Object) -> set[str]:
    """The ConfigMaps that its pods mount."""
    volumes = workload["spec"]["template"]["spec"]["volumes"]
    return {one["configMap"]["name"] for one in volumes if "configMap" in one}


def assert_selected(objects: Iterable[Object]) -> None:
    """Each service, budget and monitor selects one workload or service by its labels and ports; each autoscaler scales one that exists."""
    found = list(objects)
    workloads = [one for one in found if one["kind"] in WORKLOADS]
    services = [one for one in found if one["kind"] == "Service"]
    for one in found:
        if one["kind"] == "Service":
            (workload,) = _selected(one, workloads)
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= _ports(workload)
        elif one["kind"] == "PodDisruptionBudget":
            assert len(_selected(one, workloads)) == 1
        elif one["kind"] == "ServiceMonitor":
            (service,) = _selected(one, services)
            names = {port["name"] for port in service["spec"]["ports"]}
            assert {endpoint["port"] for endpoint in one["spec"]["endpoints"]} <= names
        elif one["kind"] == "HorizontalPodAutoscaler":
            target = one["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in {(w["kind"], w["metadata"]["name"]) for w in workloads}
        elif one["kind"] == "NetworkPolicy":
            let_in = {port["port"] for rule in one["spec"].get("ingress", []) for port in rule["ports"]}
            assert all(let_in <= _ports(workload) for workload in workloads)


def _selected(one: Object, among: Iterable[Object]) -> list[Object]:
    selector = one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
    return [each for each in among if selector.items() <= _labels(each).items()]


def _labels(one: Object) -> dict[str, str]:
    """What an object is found by: a service by its own labels, a workload by its pods'."""
    labelled = one["spec"]["template"] if one["kind"] in WORKLOADS else one
    labels: dict[str, str] = labelled["metadata"].get("labels", {})
    return labels


def _ports(workload: Object) -> set[str]:
    containers = workload["spec"]["template"]["spec"]["containers"]
    return {port["name"] for container in containers for port in container["ports"]}
