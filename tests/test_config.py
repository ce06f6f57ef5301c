"""The configuration: what is accepted and what it becomes, and every way to get it wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import config, trust
from exporter.config import Config, ConfigError, Evidence, Limits, Module, schema, tree
from exporter.model import (
    Addresses,
    AuthMechanism,
    IpFamily,
    KeyType,
    Login,
    Mode,
    Policy,
    ProblemKind,
    RevocationMethod,
    State,
    Target,
    Threshold,
    Transaction,
    TrustStore,
)
from tests.trust.keystores import keystore, trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.demo.authority import Issued

ROOT = Path(__file__).parent.parent
BAD = sorted((Path(__file__).parent / "bad_config").glob("*.yaml"))


class Stores:
    """A loader that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[Path, ...], Path | None]] = []

    def __call__(
        self, label: str, kind: str, paths: tuple[Path, ...], password_file: Path | None = None
    ) -> TrustStore:
        """Stands for `trust.load`; a PEM store that is called contoso is broken."""
        self.asked.append((label, kind, paths, password_file))
        if kind == "pem" and label == "contoso":
            raise RuntimeError("no certificate in it")
        return TrustStore(label, (b"anchor",))


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    """Loads a configuration from its text."""

    def load(text: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text, "utf-8")
        return config.load(path, Stores())

    return load


def only(found: Config) -> Target:
    """The target of a configuration that has one."""
    (target,) = found.targets
    return target


def messages(path: Path, stores: config.StoreLoader | None = None) -> list[str]:
    """What is wrong with a file, without the directory that it is in."""
    with pytest.raises(ConfigError) as caught:
        config.load(path, stores or Stores())
    return [message.replace(f"{path.parent}/", "") for message in caught.value.messages]


# --- errors ---------------------------------------------------------------------------------------


WORDED_BY_LIBYAML = {"syntax", "tab"}
"""Files whose message is the parser's own; PyYAML's other parser has other words."""


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_error_is_told_with_its_position(path: Path) -> None:
    """A file has exactly the errors that its first comment lines announce."""
    if path.stem in WORDED_BY_LIBYAML and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no libyaml")
    lines = path.read_text("utf-8").splitlines()
    expected = [line.removeprefix("# ") for line in lines if line.startswith(f"# {path.name}:")]
    assert expected, "a bad file announces its errors"
    assert messages(path) == expected


def test_errors_are_one_exception_with_a_line_each(tmp_path: Path) -> None:
    """The text of the exception is all messages, so that it can be printed as it is."""
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\nb: 2\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path, Stores())
    assert str(caught.value).splitlines() == list(caught.value.messages)
    assert len(caught.value.messages) == 2


def test_mistake_in_an_anchor_is_told_once(tmp_path: Path) -> None:
    """A value that many targets share is one place in the file, and one error."""
    path = tmp_path / "c.yaml"
    path.write_text(
        "targets:\n  - &base {host: a.example.org, timeout: 1}\n  - {<<: *base, host: b.example.org}\n"
    )
    assert [message.split(": ")[:2] for message in messages(path)] == [["c.yaml:2:42", "targets[0].timeout"]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"targets: []\n# caf\xe9\n", "c.yaml:2:6: not UTF-8: byte 0xe9", id="latin-1"),
        pytest.param(
            b"# \xc3\xa9\n\xc3\xa9: a\x00b\n",
            "c.yaml:2:5: not YAML: the character '\\x00' is not allowed",
            id="nul",
        ),
        pytest.param(b"#" * (16 * 1024**2 + 1), "c.yaml: larger than 16 MiB", id="huge"),
        pytest.param(b"\n# nothing\n", "c.yaml:1:1: the file is empty", id="comments"),
        # A line each: within one, libyaml 0.2.6 looks ahead to its own limit, and words it itself.
        pytest.param(b"[\n" * 500_000, "c.yaml:33:1: nested more than 32 deep", id="deep-lists"),
        pytest.param(b"a: {" * 500_000, "c.yaml:1:128: nested more than 32 deep", id="deep-mappings"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """Whatever bytes a file has, the answer is a message: no crash of the process, no other exception."""
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert messages(path) == [expected]


@pytest.mark.parametrize(
    "line", ["a{0}: &a{0} [{1}]", "a{0}: &a{0} {{<<: [{1}], k{0}: {2}}}"], ids=["lists", "merge-keys"]
)
def test_aliases_of_aliases_are_refused(tmp_path: Path, line: str) -> None:
    """A short file that means billions of values ends at the limit, in the time of a small file."""
    path = tmp_path / "c.yaml"
    levels = [
        line.format(level, ", ".join([f"*a{level - 1}"] * 9), f"*a{level - 1}") for level in range(1, 30)
    ]
    path.write_text("\n".join(["a0: &a0 {k: x}", *levels]))
    (message,) = messages(path)
    assert message.endswith(f"more than {tree.MAX_NODES} values, aliases counted as often as used")


def test_many_unknown_words_cost_no_more_than_few(tmp_path: Path) -> None:
    """Suggestions stop at a budget; the errors themselves do not."""
    path = tmp_path / "c.yaml"
    path.write_text("".join(f"target{number}: {{}}\n" for number in range(10_000)))
    found = messages(path)
    assert len(found) == 10_000
    assert "did you mean `targets`?" in found[0]
    assert found[-1].endswith("unknown key")


@pytest.mark.parametrize("name", ["missing.yaml", "."], ids=["missing", "directory"])
def test_unreadable_file_is_a_message(tmp_path: Path, name: str) -> None:
    """A file that cannot be opened is told by its name."""
    with pytest.raises(ConfigError, match="cannot be read: "):
        config.load(tmp_path / name, Stores())


def test_failure_of_the_system_store_is_a_message(tmp_path: Path) -> None:
    """A store that nobody wrote down is told by its name when it cannot be loaded."""
    path = tmp_path / "c.yaml"
    path.write_text("targets: [{host: a.example.org}]\n")

    def fail(label: str, _kind: str, _paths: tuple[Path, ...], _password: Path | None = None) -> TrustStore:
        raise OSError(f"{label}: nothing there")

    assert messages(path, fail) == [
        "c.yaml:1:1: trust_stores.system: cannot be loaded: system: nothing there",
    ]


MODELS = (schema.File, schema.Target, schema.Expiry, schema.KeyStore, schema.Limits, schema.Evidence)
KEYS = st.sampled_from(sorted({"<<", "x"}.union(*(model.model_fields for model in MODELS))))
SCALARS = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        25,
        1.5,
        1e300,
        "",
        "a",
        "a:25",
        "1h",
        "21d",
        "33%",
        "pem",
        "jks",
        "tls",
        "[",
        "10.0.0.1/8",
    ]
)
VALUES = st.recursive(
    SCALARS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5) | VALUES)
def test_any_yaml_is_a_configuration_or_errors(tmp_path: Path, data: object) -> None:
    """Whatever is said in YAML is accepted or told, one line each, with a position inside the file."""
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    found: tuple[str, ...] = ()
    try:
        config.load(path, Stores())
    except ConfigError as error:
        found = error.messages or ("an error without a message",)
    for message in found:
        assert re.match(rf"{re.escape(str(path))}:[1-9]\d*:[1-9]\d*: \S", message)
        assert message.isprintable()


# --- what a file becomes --------------------------------------------------------------------------


def test_host_alone_is_enough(read: Callable[[str], Config]) -> None:
    """A target with nothing but a host has the documented defaults."""
    assert only(read("targets: [{host: mail.example.org}]")) == Target(
        name="mail.example.org:25",
        host="mail.example.org",
        port=25,
        mode=Mode.STARTTLS,
        names=("mail.example.org",),
        sni="mail.example.org",
        interval=3600.0,
        timeout=15.0,
        policy=Policy(
            stores=("system",),
            warning=Threshold(21),
            critical=Threshold(7),
            revocation=(RevocationMethod.STAPLE, RevocationMethod.OCSP, RevocationMethod.CRL),
        ),
    )


def test_every_key_reaches_the_target(read: Callable[[str], Config]) -> None:
    """What a target sets is what it gets."""
    found = only(
        read(
            """
            trust_stores: {own: {type: system}}
            targets:
              - host: 192.0.2.1
                port: 2525
                mode: tls
                target: exchange01
                names: [mail.example.org., 192.0.2.1]
                sni: mx.example.org
                labels: {site: fra, rack: "12", empty: ""}
                interval: 1h30m
                timeout: 250ms
                ehlo_name: "[192.0.2.7]"
                addresses: first
                ip_family: ipv4
                trust_stores: [own, system]
                revocation: [crl, staple]
                expiry: {warning: 33%, critical: 1.5}
                severities: {self_signed: ok, weak_key: critical}
            """
        )
    )
    assert found == Target(
        name="exchange01",
        host="192.0.2.1",
        port=2525,
        mode=Mode.TLS,
        names=("mail.example.org", "192.0.2.1"),
        sni="mx.example.org",
        labels=(("site", "fra"), ("rack", "12"), ("empty", "")),
        interval=5400.0,
        timeout=0.25,
        ehlo_name="[192.0.2.7]",
        addresses=Addresses.FIRST,
        ip_family=IpFamily.IPV4,
        policy=Policy(
            stores=("own", "system"),
            warning=Threshold(0.33, ratio=True),
            critical=Threshold(1.5),
            severities={ProblemKind.SELF_SIGNED: State.OK, ProblemKind.WEAK_KEY: State.CRITICAL},
            revocation=(RevocationMethod.CRL, RevocationMethod.STAPLE),
        ),
    )


@pytest.mark.parametrize(
    ("host", "name", "names", "sni"),
    [
        ("mail.example.org", "mail.example.org:25", ("mail.example.org",), "mail.example.org"),
        ("mail.example.org.", "mail.example.org.:25", ("mail.example.org",), "mail.example.org"),
        ("192.0.2.1", "192.0.2.1:25", ("192.0.2.1",), ""),
        ('"::1"', "[::1]:25", ("::1",), ""),
        ('"fe80::1%eth0"', "[fe80::1%eth0]:25", ("fe80::1",), ""),
        ("_mta_.example.org", "_mta_.example.org:25", ("_mta_.example.org",), "_mta_.example.org"),
        ("bücher.example", "bücher.example:25", ("bücher.example",), "bücher.example"),
        (
            "xn--bcher-kva.example",
            "xn--bcher-kva.example:25",
            ("xn--bcher-kva.example",),
            "xn--bcher-kva.example",
        ),
        ("localhost", "localhost:25", ("localhost",), "localhost"),
        ("no", "no:25", ("no",), "no"),
    ],
    ids=["name", "dot", "ipv4", "ipv6", "zone", "underscore", "u-label", "a-label", "single-label", "no"],
)
def test_names_follow_from_the_host(
    read: Callable[[str], Config], host: str, name: str, names: tuple[str, ...], sni: str
) -> None:
    """The display name, the expected name and SNI default to what the host is."""
    found = only(read(f"targets: [{{host: {host}}}]"))
    assert (found.name, found.names, found.sni) == (name, names, sni)


@pytest.mark.parametrize(
    ("keys", "sni"),
    [
        ("host: 192.0.2.1, names: [a.example.org, b.example.org]", "a.example.org"),
        ("host: mx.example.org, names: [192.0.2.1]", "mx.example.org"),
        ("host: mx.example.org, names: []", "mx.example.org"),
        ('host: mx.example.org, sni: ""', ""),
        ("host: mx.example.org, sni: other.example.org.", "other.example.org"),
    ],
    ids=["first-name", "name-is-address", "no-names", "none", "explicit"],
)
def test_sni_is_a_host_name_or_nothing(read: Callable[[str], Config], keys: str, sni: str) -> None:
    """SNI comes from the names, then the host, and is never an address (RFC 6066 section 3)."""
    assert only(read(f"targets: [{{{keys}}}]")).sni == sni


@pytest.mark.parametrize(
    ("keys", "port", "mode"),
    [
        ("", 25, Mode.STARTTLS),
        (", port: 465", 465, Mode.TLS),
        (", port: 587, mode: auto", 587, Mode.STARTTLS),
        (", mode: tls", 465, Mode.TLS),
        (", port: 465, mode: starttls", 465, Mode.STARTTLS),
    ],
    ids=["nothing", "465", "587-auto", "tls-alone", "against-the-port"],
)
def test_port_and_mode_complete_each_other(
    read: Callable[[str], Config], keys: str, port: int, mode: Mode
) -> None:
    """Port 465 means TLS from the first byte, TLS without a port means 465, and both can be said."""
    found = only(read(f"targets: [{{host: a.example.org{keys}}}]"))
    assert (found.port, found.mode) == (port, mode)


def test_defaults_are_inherited_and_overridden(read: Callable[[str], Config]) -> None:
    """A target inherits each default that it does not set, thresholds and severities one by one."""
    found = read(
        """
        defaults:
          timeout: 5s
          ehlo_name: monitor.example.org
          expiry: {warning: 30d, critical: 10d}
          severities: {expired: warning, revoked: warning}
        targets:
          - host: a.example.org
          - {host: b.example.org, timeout: 9s, expiry: {critical: 20d}, severities: {revoked: ok}}
        """
    )
    first, second = found.targets
    assert (first.timeout, first.ehlo_name, first.policy.critical) == (
        5.0,
        "monitor.example.org",
        Threshold(10),
    )
    assert (second.timeout, second.ehlo_name) == (9.0, "monitor.example.org")
    assert second.policy == Policy(
        revocation=tuple(RevocationMethod),
        warning=Threshold(30),
        critical=Threshold(20),
        severities={ProblemKind.EXPIRED: State.WARNING, ProblemKind.REVOKED: State.OK},
    )
    assert found.policy == first.policy


def test_anchors_and_merge_keys_work(read: Callable[[str], Config]) -> None:
    """A merged mapping fills what a target does not say itself, the first of several wins."""
    found = read(
        """
        targets:
          - &one {host: a.example.org, timeout: 5s, labels: &site {site: fra}}
          - &two {host: b.example.org, timeout: 6s, interval: 5m, labels: *site}
          - {host: c.example.org, <<: [*one, *two], port: 587}
        """
    )
    third = found.targets[2]
    assert (third.host, third.port, third.timeout, third.interval) == ("c.example.org", 587, 5.0, 300.0)
    assert third.labels == (("site", "fra"),)


def test_words_stay_words(read: Callable[[str], Config]) -> None:
    """What YAML 1.1 takes for booleans, octal or base-60 numbers and dates is text."""
    labels = "{a: no, b: on, c: 022, d: 1:30, e: 25_000, f: 2026-11-23, g: 0x1F, h: Yes, i: +1, j: .inf}"
    found = only(read(f"targets: [{{host: yes, labels: {labels}}}]"))
    expected = ["no", "on", "022", "1:30", "25_000", "2026-11-23", "0x1F", "Yes", "+1", ".inf"]
    assert [value for _, value in found.labels] == expected
    assert found.host == "yes"


@pytest.mark.parametrize("text", ["targets: []", "defaults:\ntargets:\nlimits:\n", "\ufefftargets: []\r\n"])
def test_nothing_to_watch_is_valid(read: Callable[[str], Config], text: str) -> None:
    """A file without targets loads, sections may be empty, and no store is loaded for nothing."""
    found = read(text)
    assert found.targets == ()
    assert found.stores == {}
    assert found.limits == Limits()


def test_limits_are_read(read: Callable[[str], Config]) -> None:
    """All limits reach the configuration, the delay in seconds."""
    found = read("limits: {concurrency: 10, per_host: 2, per_host_delay: 500ms}")
    assert found.limits == Limits(concurrency=10, per_host=2, per_host_delay=0.5)


def test_evidence_is_read(read: Callable[[str], Config]) -> None:
    """The keys of evidence reach the configuration: seconds, networks, and whether to fetch intermediates."""
    found = read('evidence: {timeout: 500ms, allow_networks: [10.1.0.0/16, fd00::/8, "::1"], aia: false}')
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"), ip_network("::1/128"))
    assert found.evidence == Evidence(timeout=0.5, allow_networks=networks, aia=False)


@pytest.mark.parametrize("text", ["targets: []", "evidence:", "evidence: {}"])
def test_evidence_has_defaults(read: Callable[[str], Config], text: str) -> None:
    """Without a word about it, intermediates are fetched, from nowhere special, within ten seconds."""
    assert read(text).evidence == Evidence(timeout=10.0, allow_networks=(), aia=True)


def test_different_targets_may_share_a_name(read: Callable[[str], Config]) -> None:
    """Labels tell series apart, so two hosts may be shown under one name."""
    text = "{host: %s.example.org, target: mail, labels: {site: %s}}"
    assert len(read(f"targets: [{text % ('a', 'x')}, {text % ('b', 'y')}]").targets) == 2


# --- trust stores ---------------------------------------------------------------------------------


def test_all_defined_stores_are_loaded(tmp_path: Path) -> None:
    """Each store is asked for with its type and its paths, which are relative to the file."""
    (tmp_path / "sub").mkdir()
    for name in ("a.pem", "cacerts", "roots.p12", "pass"):
        (tmp_path / name).touch()
    path, stores = tmp_path / "c.yaml", Stores()
    path.write_text(
        f"trust_stores:\n"
        f"  one: {{type: pem, path: a.pem}}\n"
        f"  two: {{type: pem, path: [sub, {tmp_path}/a.pem]}}\n"
        f"  os: {{type: system}}\n"
        f"  web: {{type: mozilla}}\n"
        f"  java: {{type: jks, path: cacerts, password_file: pass}}\n"
        f"  open: {{type: pkcs12, path: roots.p12}}\n"
    )
    found = config.load(path, stores)
    assert stores.asked == [
        ("one", "pem", (tmp_path / "a.pem",), None),
        ("two", "pem", (tmp_path / "sub", tmp_path / "a.pem"), None),
        ("os", "system", (), None),
        ("web", "mozilla", (), None),
        ("java", "jks", (tmp_path / "cacerts",), tmp_path / "pass"),
        ("open", "pkcs12", (tmp_path / "roots.p12",), None),
    ]
    assert list(found.stores) == ["one", "two", "os", "web", "java", "open"]


JAVA = """
trust_stores:
  java:
    type: jks
    path: cacerts
    password_file: pass
"""


def test_protected_store_is_loaded(tmp_path: Path, root: Issued) -> None:
    """With the loader of the exporter, a store and its password beside the file give the anchors."""
    (tmp_path / "cacerts").write_bytes(keystore(trusted("root", root.der), password="secret"))
    (tmp_path / "pass").write_text("secret\n")
    path = tmp_path / "c.yaml"
    path.write_text(JAVA)
    assert config.load(path, trust.load).stores["java"] == TrustStore("java", (root.der,))


@pytest.mark.parametrize(
    ("cut", "password"), [(None, "guessed"), (-30, "secret")], ids=["wrong-password", "truncated"]
)
def test_protected_store_that_does_not_open_is_told(
    tmp_path: Path, root: Issued, cut: int | None, password: str
) -> None:
    """What the loader says about a store is told at its path, with the name of the file."""
    (tmp_path / "cacerts").write_bytes(keystore(trusted("root", root.der), password="secret")[:cut])
    (tmp_path / "pass").write_text(password)
    path = tmp_path / "c.yaml"
    path.write_text(JAVA)
    (message,) = messages(path, trust.load)
    assert message.startswith("c.yaml:5:11: trust_stores.java.path: cannot be loaded: cacerts: ")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("targets: [{host: a}]", [("system", "system")]),
        ("targets: [{host: a, trust_stores: [os]}]", [("os", "system")]),
        ("defaults: {trust_stores: [os]}\ntargets: [{host: a}]", [("os", "system")]),
        (
            "defaults: {trust_stores: [os]}\ntargets: [{host: a, trust_stores: [system]}]",
            [("os", "system"), ("system", "system")],
        ),
        ("modules: {m: {trust_stores: [system]}}", [("os", "system"), ("system", "system")]),
    ],
    ids=["by-default", "not-by-target", "not-by-default", "by-target", "by-module"],
)
def test_system_store_is_loaded_when_used(tmp_path: Path, text: str, asked: list[tuple[str, str]]) -> None:
    """The store that exists without being defined costs nothing where nothing refers to it."""
    path, stores = tmp_path / "c.yaml", Stores()
    path.write_text(
        text + ("" if asked == [("system", "system")] else "\ntrust_stores: {os: {type: system}}\n")
    )
    config.load(path, stores)
    assert [(label, kind) for label, kind, *_ in stores.asked] == asked


def test_system_store_can_be_redefined(tmp_path: Path) -> None:
    """A definition of `system` replaces the implicit one."""
    path, stores = tmp_path / "c.yaml", Stores()
    path.write_text("trust_stores: {system: {type: pem, path: .}}\ntargets: [{host: a}]\n")
    config.load(path, stores)
    assert stores.asked == [("system", "pem", (tmp_path,), None)]


# --- modules --------------------------------------------------------------------------------------

BASE = Target(
    name="a:25",
    host="a",
    names=("a",),
    policy=Policy(stores=("x",), severities={ProblemKind.EXPIRED: State.WARNING}),
)


@pytest.mark.parametrize(
    ("module", "changed"),
    [
        (Module(), {}),
        (Module(mode=Mode.TLS), {"mode": Mode.TLS}),
        (Module(names=()), {"names": ()}),
        (Module(sni="b"), {"sni": "b"}),
        (Module(timeout=1.0, interval=2.0), {"timeout": 1.0, "interval": 2.0}),
        (Module(ip_family=IpFamily.IPV6), {"ip_family": IpFamily.IPV6}),
        (Module(stores=("y",)), {"policy": Policy(stores=("y",), severities=BASE.policy.severities)}),
        (
            Module(severities={ProblemKind.REVOKED: State.OK}),
            {
                "policy": Policy(
                    stores=("x",),
                    severities={ProblemKind.EXPIRED: State.WARNING, ProblemKind.REVOKED: State.OK},
                )
            },
        ),
    ],
    ids=["nothing", "mode", "no-names", "sni", "times", "family", "stores", "severities"],
)
def test_module_changes_exactly_what_it_sets(module: Module, changed: dict[str, Any]) -> None:
    """Everything that a module does not set stays as the target has it."""
    found = module.apply(BASE)
    fields = ("name", "host", "port", "mode", "names", "sni", "timeout", "interval", "ip_family", "policy")
    assert {field: getattr(found, field) for field in fields} == {
        field: changed.get(field, getattr(BASE, field)) for field in fields
    }


def test_module_can_return_the_mode_to_the_port(read: Callable[[str], Config]) -> None:
    """`mode: auto` in a module is a setting: it undoes the target's own mode."""
    module = read("modules: {plain: {mode: auto}}").modules["plain"]
    assert module.apply(Target(name="a", host="a", port=465)).mode is Mode.TLS
    assert module.apply(Target(name="a", host="a", port=25, mode=Mode.TLS)).mode is Mode.STARTTLS


# --- the rest -------------------------------------------------------------------------------------


def test_summary_tells_what_a_file_amounts_to(read: Callable[[str], Config]) -> None:
    """`--config.check` prints counts, stores, modules and the thresholds in force."""
    found = read(
        "defaults: {expiry: {warning: 33%, critical: 1d}, interval: 90m}\n"
        "targets: [{host: a}, {host: b, port: 465}, {host: c}]\n"
        "modules: {smtps: {mode: tls}, slow: {timeout: 1m}}\n"
    )
    assert config.summary(found).splitlines() == [
        f"{found.path} is valid",
        "  targets:      3 (2 starttls, 1 tls)",
        "  trust stores: system (1 anchor)",
        "  modules:      smtps, slow",
        "  expiry:       warning below 33% of the lifetime, critical below 1 day",
        "  revocation:   staple, ocsp, crl",
        "  probes:       every 1h30m, timeout 15s",
        "  limits:       500 at a time, 1 per host, 0s between two",
    ]


def test_revocation_is_turned_off_and_on(read: Callable[[str], Config]) -> None:
    """An empty list turns revocation off for all; a target's own list turns it on for that one."""
    found = read("defaults: {revocation: []}\ntargets: [{host: a}, {host: b, revocation: [ocsp]}]\n")
    assert [target.policy.revocation for target in found.targets] == [(), (RevocationMethod.OCSP,)]
    assert "  revocation:   not looked for" in config.summary(found).splitlines()


def test_directory_for_revocation_lists(read: Callable[[str], Config], tmp_path: Path) -> None:
    """The password is the first line of its file, and is shown nowhere."""
    (tmp_path / "ldap.pass").write_text("s3cret\nrest\n", "utf-8")
    text = "evidence: {ldap: {server: dc01.contoso.com, bind_dn: CN=monitor, password_file: ldap.pass}}"
    found = read(text)
    assert found.evidence.ldap == config.Ldap(
        server="dc01.contoso.com", port=389, bind_dn="CN=monitor", password="s3cret"
    )
    assert "s3cret" not in f"{found!r}{config.summary(found)}"
    assert "ldap from dc01.contoso.com:389" in config.summary(found)
    assert read("evidence: {ldap: {server: 192.0.2.1, port: 3389}}").evidence.ldap == config.Ldap(
        server="192.0.2.1", port=3389
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "has no password in its first line", id="empty"),
        pytest.param(b"\nsecret", "has no password in its first line", id="empty line"),
        pytest.param(b"\xff\xfe", "cannot be read: not UTF-8 text", id="not text"),
        pytest.param(b"x" * 5000, "has no password in its first line", id="too long"),
    ],
)
def test_password_file_that_has_none(
    read: Callable[[str], Config], tmp_path: Path, content: bytes, reason: str
) -> None:
    """A password file that cannot be one is an error at its key."""
    (tmp_path / "ldap.pass").write_bytes(content)
    with pytest.raises(
        ConfigError, match=f"1:1: evidence.ldap.password_file: .*{reason}".replace("1:1", r"1:\d+")
    ):
        read("evidence: {ldap: {server: dc01, bind_dn: CN=monitor, password_file: ldap.pass}}")


def test_transaction_is_read_and_inherited(read: Callable[[str], Config], tmp_path: Path) -> None:
    """Each place has its own password, which is shown nowhere; a target's transaction replaces the inherited one."""
    (tmp_path / "a.pass").write_text("s3cret-a\n", "utf-8")
    (tmp_path / "b.pass").write_text("s3cret-b\n", "utf-8")
    found = read(
        """
        defaults:
          transaction: {mail_from: "", rcpt_to: p@example.org, auth: {username: u, password_file: a.pass}}
        targets:
          - host: a
          - host: b
            transaction:
              mail_from: m@example.org
              rcpt_to: q@example.org
              send: true
              auth: {username: v, password_file: b.pass, mechanism: login}
        modules:
          plain: {transaction: {mail_from: m@example.org, rcpt_to: r@example.org}}
        """
    )
    inherited = Transaction(
        mail_from="", rcpt_to="p@example.org", login=Login(username="u", password="s3cret-a")
    )
    own = Transaction(
        mail_from="m@example.org",
        rcpt_to="q@example.org",
        send=True,
        login=Login(username="v", password="s3cret-b", mechanism=AuthMechanism.LOGIN),
    )
    assert [target.transaction for target in found.targets] == [inherited, own]
    plain = found.modules["plain"].apply(found.targets[0]).transaction
    assert plain == Transaction(mail_from="m@example.org", rcpt_to="r@example.org")
    assert "s3cret" not in f"{found!r}{config.summary(found)}"


def test_key_types_make_a_target_each(read: Callable[[str], Config]) -> None:
    """The targets of one entry differ in key type, label and identity, and in nothing else."""
    first, second = read("targets: [{host: a, labels: {site: fra}, key_types: [rsa, ecdsa]}]").targets
    (plain,) = read("targets: [{host: a}]").targets
    assert (first.key_type, second.key_type) == (KeyType.RSA, KeyType.ECDSA)
    assert first.labels == (("site", "fra"), ("key_type", "rsa"))
    assert second.labels == (("site", "fra"), ("key_type", "ecdsa"))
    assert len({first.id, second.id, plain.id}) == 3
    assert (first.name, first.port, first.policy) == (second.name, second.port, second.policy)


def test_nothing_is_tried_by_default(read: Callable[[str], Config]) -> None:
    """Without the key there is no transaction."""
    assert only(read("targets: [{host: a}]")).transaction is None


def test_summary_tells_evidence_that_is_not_the_default(read: Callable[[str], Config]) -> None:
    """Of evidence, `--config.check` prints what the file changes."""
    last = [
        config.summary(read(f"evidence: {{{keys}}}")).splitlines()[-1]
        for keys in ("timeout: 10s, aia: true", "aia: false, timeout: 5s", "allow_networks: [127.0.0.1]")
    ]
    assert last == [
        "  limits:       500 at a time, 1 per host, 0s between two",
        "  evidence:     timeout 5s, missing intermediates are not fetched",
        "  evidence:     1 network allowed",
    ]


def test_ten_thousand_targets_load(read: Callable[[str], Config]) -> None:
    """A large file becomes as many targets, in its order."""
    entry = "  - host: mx{0}.example.org\n    names: [mx{0}.example.org]\n    labels: {{rack: r{0}}}\n"
    found = read("targets:\n" + "".join(entry.format(number) for number in range(10_000)))
    assert [target.host for target in found.targets] == [
        f"mx{number}.example.org" for number in range(10_000)
    ]


@pytest.mark.parametrize(
    "module",
    ["config", "config.units", "config.networks", "hosts"],
    ids=["package", "units", "networks", "hosts"],
)
def test_light_parts_stay_light(module: str) -> None:
    """Commands that read no file can use the values, units and hosts without the parsers' cost."""
    code = f"import sys, exporter.{module}; print(sorted({{'pydantic', 'yaml', 'idna'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_transaction_can_be_turned_off(read: Callable[[str], Config]) -> None:
    """`false` is none for a target or a module, whatever the defaults say; `true` means nothing."""
    found = read("""\
        defaults: {transaction: {mail_from: "", rcpt_to: p@example.org}}
        targets:
          - {host: a}
          - {host: b, transaction: false}
        modules: {quiet: {transaction: false}}
        """)
    with_it, without = found.targets
    assert with_it.transaction is not None
    assert without.transaction is None
    assert found.modules["quiet"].apply(with_it).transaction is None
    with pytest.raises(ConfigError, match=r"targets\[0\]\.transaction: must be a mapping, not true"):
        read("targets: [{host: a, transaction: true}]")
