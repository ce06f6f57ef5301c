"""Objects of the Prometheus Operator against its own types, as npm's @kubernetes-models/prometheus-operator has them.

In: objects. Out: what is wrong with them. Its validators know required keys, types and the form of values, and take no offence at a key that does not exist;
its declarations know every key.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

from tests.deploy.objects import Object, is_of_the_operator
from tests.programs import fetched, program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MODELS = "npm/node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"
_VALIDATE = """
const models = await import(process.argv[1] + "/index.js");
for (const one of JSON.parse(process.argv[2])) {
    try { new models[one.kind](one).validate(); } catch (error) { console.log(one.kind + ": " + error.message); }
}
"""
_KEY = re.compile(r'^    "(\w+)"\??: (.*)$', re.MULTILINE)
_TYPE = re.compile(r"MonitoringV1(\w+)")


def complaints(objects: Iterable[Object]) -> list[str]:
    """What the operator's types have against those objects that are its own."""
    models = fetched(_MODELS)
    found = [one for one in objects if is_of_the_operator(one)]
    code = ["--input-type=module", "-e", _VALIDATE, str(models), json.dumps(found)]
    done = subprocess.run([program("node"), *code], capture_output=True, text=True, check=True)
    unknown = [key for one in found for key in _unknown(one["spec"], f"{one['kind']}Spec")]
    return [*done.stdout.splitlines(), *unknown]


def _unknown(value: object, of: str) -> Iterator[str]:
    """The keys below a value that its type does not declare."""
    if isinstance(value, list):
        for one in value:
            yield from _unknown(one, of)
    elif isinstance(value, dict):
        text = fetched(f"{_MODELS}/{of}.d.ts").read_text(encoding="utf-8")
        declared = dict(_KEY.findall(text.partition("export declare class")[2]))
        for key, inner in value.items():
            if key not in declared:
                yield f"{of}: there is no {key}"
            elif kind := _TYPE.search(declared[key]):
                yield from _unknown(inner, kind[1])
