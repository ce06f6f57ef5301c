"""Targets are found by every way in which they are spelled."""

from __future__ import annotations

import pytest

from exporter.model import Target
from exporter.serve.directory import Directory

TARGETS = {
    "first": Target(name="first", host="mx.example.org", port=25),
    "second": Target(name="second", host="mx.example.org", port=25),
    "port": Target(name="mx.example.org:465", host="mx.example.org", port=465),
    "four": Target(name="four", host="192.0.2.1", port=25),
    "six": Target(name="six", host="2001:db8::1", port=587),
    "digits": Target(name="digits", host="mx1", port=25),
    "none": Target(name="none", host="", domain="example.org"),
}
FOUND = {
    "first": ["first"],
    "mx.example.org:25": ["first", "second"],
    "MX.example.ORG.": ["first", "second"],
    "mx.example.org:465": ["port"],
    "192.0.2.1": ["four"],
    "192.0.2.1:25": ["four"],
    "[2001:DB8:0::1]:587": ["six"],
    "2001:db8::1": [],
    "MX1:25": ["digits"],
    "none": ["none"],
    "other.example.org": [],
    ":": [],
}


@pytest.mark.parametrize("name", FOUND)
def test_names_and_places(name: str) -> None:
    """A display name goes before a place; without a port it is 25."""
    found = Directory(TARGETS.values()).find(name)
    assert list(found) == [TARGETS[key].id for key in FOUND[name]]
