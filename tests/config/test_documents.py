"""The example, the documentation and the JSON Schema say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exporter import config
from exporter.config import editor, fields, schema
from exporter.model import DEFAULT_SEVERITIES, ProblemKind, TrustStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "config.example.yaml"
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text("utf-8")
SCHEMA = ROOT / "exporter" / "config.schema.json"

SECTIONS: dict[str, set[str]] = {
    "File": set(schema.File.model_fields),
    "defaults": set(schema.Defaults.model_fields),
    "expiry": set(schema.Expiry.model_fields),
    "severities": set(fields.PROBLEMS),
    "type: system": set(schema.SystemStore.model_fields),
    "type: mozilla": set(schema.MozillaStore.model_fields),
    "type: pem": set(schema.PemStore.model_fields),
    "type: jks, pkcs12": set(schema.KeyStore.model_fields),
    "transaction": set(schema.Transaction.model_fields),
    "auth": set(schema.Auth.model_fields),
    "targets": set(schema.Target.model_fields) - set(schema.Defaults.model_fields),
    "mx": set(schema.Mx.model_fields) - set(schema.Listed.model_fields),
    "file_sd": set(schema.FileSd.model_fields) - set(schema.Listed.model_fields),
    "http_sd": set(schema.HttpSd.model_fields) - set(schema.Listed.model_fields),
    "probe": set(schema.Probe.model_fields),
    "limits": set(schema.Limits.model_fields),
    "evidence": set(schema.Evidence.model_fields),
}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def load_store(
    label: str, _kind: str, _paths: tuple[Path, ...], _password_file: Path | None = None
) -> TrustStore:
    """A trust store for tests that do not look at it."""
    return TrustStore(label, (b"anchor",))


def words(value: object) -> Iterator[tuple[str, Any]]:
    """Every keyword of a JSON Schema with its value, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from words(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from words(item)


@pytest.mark.parametrize(("title", "keys"), SECTIONS.items(), ids=SECTIONS)
def test_every_key_is_documented_and_exists(title: str, keys: set[str]) -> None:
    """The tables of the documentation have exactly the keys of the models."""
    assert set(re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)) == keys


def test_module_keys_are_those_the_documentation_names() -> None:
    """A module takes the keys of the defaults without the interval, and three of a target's."""
    expected = set(schema.Defaults.model_fields) - {"interval"} | {"mode", "names", "sni"}
    assert set(schema.Module.model_fields) == expected
    assert all(f"`{key}`" in section("modules") for key in ("mode", "names", "sni", "interval"))


@pytest.mark.parametrize("kind", [kind for kind in ProblemKind if kind is not ProblemKind.EXPIRES_SOON])
def test_documented_severities_are_the_defaults(kind: ProblemKind) -> None:
    """The table of problems tells the severity that the code gives."""
    assert f"| `{kind}` | {DEFAULT_SEVERITIES[kind].name.lower()} |" in section("severities")


def test_reserved_labels_are_documented() -> None:
    """Whoever chooses a label can read which names are taken."""
    assert all(f"`{label}`" in section("targets") for label in fields.RESERVED_LABELS)


def test_example_loads() -> None:
    """The example is valid as it is, and refers to no file that does not exist."""
    loaded = config.load(EXAMPLE, load_store)
    assert [target.name for target in loaded.targets] == [
        "mail.example.org:25",
        "mail.example.org:465",
        "exchange01",
    ]


def test_example_shows_every_key() -> None:
    """Each key of the file, commented out or not, is in the example."""
    text = EXAMPLE.read_text("utf-8")
    keys = set().union(*(set(model.model_fields) for model in models()))
    assert {key for key in keys if not re.search(rf"\b{key}:", text)} == set()


def models() -> tuple[type[BaseModel], ...]:
    """Every kind of mapping that a file can have."""
    return (
        schema.File, schema.Defaults, schema.Target, schema.Module, schema.Expiry, schema.Limits,
        schema.SystemStore, schema.MozillaStore, schema.PemStore, schema.KeyStore, schema.Evidence,
        schema.Transaction, schema.Auth, schema.Probe, schema.Mx, schema.FileSd, schema.HttpSd,
    )  # fmt: skip


def test_example_lines_in_comments_are_valid(tmp_path: Path) -> None:
    """What is commented out in the example works when the comment signs go and the files exist."""
    text = re.sub(r"^( *)# (\w+: )", r"\1\2", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    for name in (
        "contoso-root.pem", "partner-a.pem", "partner-b.pem", "cacerts", "cacerts.pass", "roots.p12", "roots.pass",
    ):  # fmt: skip
        (tmp_path / name).touch()
    for name in ("ldap.pass", "smtp.pass"):
        (tmp_path / name).write_text("secret\n")
    text = text.replace("/etc/ssl/appliance-roots", ".")
    path = tmp_path / "config.yaml"
    path.write_text(text)
    loaded = config.load(path, load_store)
    assert set(loaded.stores) == {
        "system", "mozilla", "contoso", "partners", "appliances", "java", "exported",
    }  # fmt: skip

    assert loaded.defaults.ehlo_name == "monitor.example.com"


def test_schema_is_current() -> None:
    """The shipped schema is what `python -m exporter.config.editor` prints."""
    assert SCHEMA.read_text("utf-8") == editor.text()


def test_schema_has_every_key() -> None:
    """Each mapping of the schema has exactly the keys of its model and refuses others."""
    shipped = editor.json_schema()
    for model in models():
        found = shipped if model is schema.File else shipped["definitions"][model.__name__]
        assert set(found["properties"]) == set(model.model_fields)
        assert found["additionalProperties"] is False


def test_schema_is_draft_07() -> None:
    """No keyword of later drafts is used, references resolve, and none has a sibling that is ignored."""
    shipped = editor.json_schema()
    found = list(words(shipped))
    later = {"$defs", "prefixItems", "discriminator", "unevaluatedProperties", "dependentRequired"}
    assert shipped["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert not later & {key for key, _ in found}
    references = {value for key, value in found if key == "$ref"}
    assert references == {f"#/definitions/{name}" for name in shipped["definitions"]}


def test_editors_find_the_schema_of_the_example() -> None:
    """The example's first line leads to the shipped file."""
    first = EXAMPLE.read_text("utf-8").splitlines()[0]
    assert (ROOT / first.partition("$schema=")[2]).samefile(SCHEMA)
