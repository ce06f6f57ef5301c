"""The arguments that the commands share, and what they mean."""

from __future__ import annotations

import argparse

import pytest

from exporter import hosts
from exporter.cli import options
from exporter.model import Addresses, IpFamily, Mode, Policy, Target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mx1.example.org", ("mx1.example.org", None), id="name"),
        pytest.param("mx1.example.org:587", ("mx1.example.org", 587), id="name and port"),
        pytest.param("192.0.2.1:465", ("192.0.2.1", 465), id="IPv4 and port"),
        pytest.param("::1", ("::1", None), id="IPv6"),
        pytest.param("[::1]", ("::1", None), id="IPv6 in brackets"),
        pytest.param("[::1]:25", ("::1", 25), id="IPv6 and port"),
        pytest.param("2001:db8::25", ("2001:db8::25", None), id="IPv6 that ends like a port"),
        pytest.param("[fe80::1%eth0]:25", ("fe80::1%eth0", 25), id="IPv6 with a zone"),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int | None]) -> None:
    """Names, addresses and ports are told apart."""
    assert hosts.host_and_port(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":25", "a:", "a:0", "a:65536", "a:٢٥", "a:1e3", "[::1]:", "[::1", "::1]:25", "a b", "smtp://a"],
)
def test_no_host_and_port(text: str) -> None:
    """What is neither is refused."""
    with pytest.raises(ValueError, match="must"):
        hosts.host_and_port(text)


def described(**given: object) -> Target:
    """The target that some options describe."""
    usual: dict[str, object] = {
        "mode": None,
        "names": [],
        "sni": None,
        "ehlo_name": None,
        "family": IpFamily.ANY,
        "timeout": 15.0,
    }
    host = given.pop("host", "mx.example.org")
    port = given.pop("port", None)
    return options.target(argparse.Namespace(**(usual | given)), str(host), port, Policy())  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("given", "port", "mode"),
    [
        pytest.param({}, 25, Mode.STARTTLS, id="nothing"),
        pytest.param({"port": 465}, 465, Mode.TLS, id="port of implicit TLS"),
        pytest.param({"port": 587}, 587, Mode.STARTTLS, id="another port"),
        pytest.param({"mode": Mode.TLS}, 465, Mode.TLS, id="implicit TLS"),
        pytest.param({"mode": Mode.TLS, "port": 25}, 25, Mode.TLS, id="implicit TLS on another port"),
        pytest.param({"mode": Mode.STARTTLS, "port": 465}, 465, Mode.STARTTLS, id="STARTTLS on its port"),
    ],
)
def test_port_and_mode(given: dict[str, object], port: int, mode: Mode) -> None:
    """Port and mode each follow from the other when only one is given."""
    target = described(**given)
    assert (target.port, target.mode) == (port, mode)


@pytest.mark.parametrize(
    ("given", "names", "sni"),
    [
        pytest.param({}, ("mx.example.org",), "mx.example.org", id="host"),
        pytest.param({"host": "mx.example.org."}, ("mx.example.org",), "mx.example.org", id="absolute host"),
        pytest.param(
            {"names": ["a.example", "b.example"]}, ("a.example", "b.example"), "a.example", id="names"
        ),
        pytest.param({"sni": "s.example"}, ("s.example",), "s.example", id="server name"),
        pytest.param({"names": ["a.example"], "sni": "s.example"}, ("a.example",), "s.example", id="both"),
        pytest.param({"host": "192.0.2.1"}, ("192.0.2.1",), "", id="address"),
        pytest.param(
            {"host": "::1", "names": ["a.example"]}, ("a.example",), "a.example", id="address and name"
        ),
    ],
)
def test_names(given: dict[str, object], names: tuple[str, ...], sni: str) -> None:
    """The expected names and the name that is sent; never an address as the latter (RFC 6066)."""
    target = described(**given)
    assert (target.names, target.sni) == (names, sni)


def test_display_name() -> None:
    """An IPv6 address stands in brackets before its port."""
    assert described(host="::1").name == "[::1]:25"


def test_addresses() -> None:
    """The first address is looked at unless all are wanted."""
    assert described().addresses is Addresses.FIRST
    assert described(all_addresses=True).addresses is Addresses.ALL
