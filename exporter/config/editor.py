"""The JSON Schema of the configuration file, for editors: the models in, draft-07 out.

`python -m exporter.config.editor` prints it; what it printed is `exporter/config.schema.json`. Draft-07
is the newest that the usual YAML language server reads. The schema is a help for writing: it cannot say
everything that `load` checks, and refuses nothing that `load` accepts.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from exporter.config import schema

_SECTIONS = tuple(schema.File.model_fields)


class _Draft7(GenerateJsonSchema):
    """An absent key is None in the models, but null is nothing that the file may say."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False


def json_schema() -> dict[str, Any]:
    """The schema as data."""
    made = schema.File.model_json_schema(
        schema_generator=_Draft7, ref_template="#/definitions/{model}", by_alias=True
    )
    definitions = made.pop("$defs")
    for section in _SECTIONS:
        made["properties"][section] = _or_null(made["properties"][section])
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", **made, "definitions": definitions}
    cleaned = _clean(whole)
    assert isinstance(cleaned, dict)
    return cleaned


def text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _or_null(section: dict[str, Any]) -> dict[str, Any]:
    """A section may be empty: all of its lines may be comments."""
    outer = {key: section.pop(key) for key in ("description",) if key in section}
    return {**outer, "anyOf": [section, {"type": "null"}]}


def _clean(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without what draft-07 does not know, and with siblings of `$ref` where it looks at them."""
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {key: _clean(item) for key, item in value.items() if key != "discriminator"}
    if "$ref" in cleaned and len(cleaned) > 1:
        cleaned["allOf"] = [{"$ref": cleaned.pop("$ref")}]
    return cleaned


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - it is what the command is for
