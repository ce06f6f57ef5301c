"""Values of the Helm chart that the tests render: which objects come out of each, and which values are refused."""

from __future__ import annotations

import re

import yaml

from tests.deploy.copied import DOCS
from tests.deploy.helm import Values

OFF = {"enabled": False}
ON = {"enabled": True}
LABELLED = {"enabled": True, "labels": {"release": "kube-prometheus"}}
WITHOUT_OPERATOR = {
    "ServiceAccount", "ConfigMap", "Service", "StatefulSet", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget",
    "NetworkPolicy",
}  # fmt: skip
OF_THE_OPERATOR = {"ServiceMonitor", "Probe", "PrometheusRule"}
OF_PROBERS = {"PodDisruptionBudget", "HorizontalPodAutoscaler", "Deployment"}
_PAGE = (DOCS / "deploy.md").read_text(encoding="utf-8").partition("## With Helm")[2]
_EXAMPLE: Values = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)[0])
EVERYTHING: Values = {
    "fullnameOverride": "mail",
    "image": {"repository": "registry.example.org/smtp-tls-exporter", "tag": "1"},
    "imagePullSecrets": [{"name": "registry"}],
    "exporter": {
        "shards": 3,
        "config": {
            "trust_stores": {"contoso": {"type": "pem", "path": "contoso-root.pem"}},
            "targets": [{"host": "mx1.example.org", "trust_stores": ["contoso"]}],
        },
        "binaryFiles": {"cacerts": "/u3+7Q=="},
        "secretName": "passwords",
        "args": ["--log.format=json"],
        "storage": {"enabled": True, "className": "fast"},
        "serviceMonitor": LABELLED,
    },
    "prober": {"probe": {**LABELLED, "targets": ["mx1.example.org:25", "mx2.example.org:465"]}},
    "rules": {**LABELLED, "runbooks": "https://wiki.example.org/runbooks"},
    "pod": {
        "annotations": {"team": "mail"}, "labels": {"team": "mail"}, "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "mail", "operator": "Exists"}], "priorityClassName": "high",
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }}},
    },
}  # fmt: skip
VARIANTS: dict[str, tuple[Values, set[str]]] = {
    "as it is": ({}, WITHOUT_OPERATOR),
    "everything": (EVERYTHING, WITHOUT_OPERATOR | OF_THE_OPERATOR),
    "the example of deploy.md": (_EXAMPLE, WITHOUT_OPERATOR | {"ServiceMonitor", "PrometheusRule"}),
    "only the exporter": ({"prober": OFF}, WITHOUT_OPERATOR - OF_PROBERS),
    "only probers": ({"exporter": OFF}, WITHOUT_OPERATOR - {"StatefulSet"}),
    "one shard": ({"exporter": {"shards": 1}}, WITHOUT_OPERATOR),
    "a fixed number of probers": (
        {"prober": {"replicas": 4, "autoscaling": OFF, "podDisruptionBudget": OFF}},
        WITHOUT_OPERATOR - {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
    ),
    "open to nobody": ({"networkPolicy": {"from": []}}, WITHOUT_OPERATOR),
    "without policy and dashboards": (
        {"networkPolicy": OFF, "dashboards": OFF},
        WITHOUT_OPERATOR - {"NetworkPolicy"},
    ),
    "rules and dashboards alone": (
        {"exporter": OFF, "prober": OFF, "rules": ON},
        {"ConfigMap", "PrometheusRule"},
    ),
    "nothing": ({"exporter": OFF, "prober": OFF, "dashboards": OFF}, set()),
}
WRONG: dict[str, tuple[Values, str]] = {
    "a misspelled key": ({"exporter": {"shard": 2}}, "shard"),
    "a misspelled part": ({"probers": {}}, "probers"),
    "no shard": ({"exporter": {"shards": 0}}, "shards"),
    "a number as text": ({"prober": {"replicas": "two"}}, "replicas"),
    "a port too large": ({"networkPolicy": {"mailPorts": [70000]}}, "mailPorts"),
    "an interval without unit": ({"exporter": {"serviceMonitor": {"interval": "60"}}}, "interval"),
    "a name in capitals": ({"fullnameOverride": "Mail"}, "fullnameOverride"),
    "a word as a flag": ({"exporter": {"args": ["demo"]}}, "args"),
    "a label that is a number": ({"rules": {"labels": {"release": 1}}}, "release"),
}
