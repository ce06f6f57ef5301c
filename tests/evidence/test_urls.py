"""Which URLs are asked."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from exporter.evidence.addresses import refusal
from exporter.evidence.failures import FetchError, FetchReason
from exporter.evidence.urls import MAX_LENGTH, checked_url

RULE = functools.partial(refusal, allow_networks=(), public_asker=True)
HTTP = ("http",)


@pytest.mark.parametrize(
    "url",
    [
        "http://pki.example.org/ca.crt",
        "http://pki.example.org:8080/ca.crt?a=b",
        "http://pki.example.org:443/",
        "http://pki.example.org/CertEnroll/DC01_Contoso%20CA(1).crt",
        "http://1.1.1.1/ca.crt",
        "http://[2606:4700::1]/ca.crt",
        "http://under_score.example.org/",
    ],
)
def test_asked_as_they_are(url: str) -> None:
    """An ordinary URL is asked as it stands in the certificate."""
    assert str(checked_url(url, HTTP, RULE)) == url


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("ldap:///CN=Contoso,DC=contoso?cACertificate", "ldap URLs are not asked here"),
        ("file:///etc/passwd", "file URLs are not asked here"),
        ("https://pki.example.org/", "https URLs are not asked here"),
        ("gopher://pki.example.org/", "gopher URLs are not asked here"),
        ("//pki.example.org/ca.crt", "a URL without a scheme"),
        ("", "a URL without a scheme"),
        ("http://user@pki.example.org/", "URLs with a user name are not asked"),
        ("http://user:secret@pki.example.org/", "URLs with a user name are not asked"),
        ("http://:secret@pki.example.org/", "URLs with a user name are not asked"),
        ("http://pki.example.org:25/", "port 25 is not asked"),
        ("http://pki.example.org:0/", "port 0 is not asked"),
        ("http://pki.example.org:99999/", "not a URL"),
        ("http:///ca.crt", "no usable host"),
        ("http:ca.crt", "no usable host"),
        ("http://[::1", "not a URL"),
        ("http://[fe80::1%25eth0]/", "no usable host"),
        ("http://pki example/", "no usable host"),
        ("http://pki\x00.example/", "no usable host"),
        ("http://%31%32%37.0.0.1/", "no usable host"),
        ("http://1.2.3.4.5/", "no usable host"),
        ("http://127.0.0.1./", "no usable host"),
        ("http://256.1.1.1/", "no usable host"),
        ("http://" + "a" * 255 + "/", "no usable host"),
        ("http://pki.example.org/" + "a" * MAX_LENGTH, "more than 2048 characters"),
        ("http://\udcff.example/", "not a URL"),
    ],
)
def test_not_asked(url: str, detail: str) -> None:
    """A URL of another scheme, with a user name, at another service's port or without sense is refused."""
    with pytest.raises(FetchError, match=detail) as caught:
        checked_url(url, HTTP, RULE)
    assert caught.value.reason is FetchReason.BAD_URL


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0177.0.0.1",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "169.254.169.254",
        "0xa9fea9fe",
        "0",
        "１２７.0.0.1",
        "127。0。0。1",
        "10.0.0.1",
    ],
)
def test_addresses_in_urls_are_judged(host: str) -> None:
    """However an address is spelled in a URL, it is the address behind it that counts."""
    with pytest.raises(FetchError) as caught:
        checked_url(f"http://{host}/", HTTP, RULE)
    assert caught.value.reason is FetchReason.FORBIDDEN_ADDRESS


def test_an_odd_spelling_is_asked_as_the_address() -> None:
    """An allowed address reaches the connector in one form, whatever it would make of others."""
    assert checked_url("http://0x01010101/ca.crt", HTTP, RULE) == URL("http://1.1.1.1/ca.crt")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/other", "http://pki.example.org:8080/other"),
        ("other", "http://pki.example.org:8080/a/other"),
        ("//elsewhere.example/x", "http://elsewhere.example/x"),
        ("http://elsewhere.example/x", "http://elsewhere.example/x"),
        ("/a\r\nX-Injected: yes", "http://pki.example.org:8080/aX-Injected:%20yes"),
    ],
)
def test_references(location: str, url: str) -> None:
    """A `Location` may be relative to the URL that it came from, and cannot add lines to the request."""
    base = URL("http://pki.example.org:8080/a/ca.crt")
    assert str(checked_url(location, HTTP, RULE, base)) == url


@given(st.text() | st.text().map("http://".__add__))
def test_any_text(text: str) -> None:
    """Whatever stands in a certificate, it is a URL that may be asked or a `FetchError`."""
    try:
        url = checked_url(text, HTTP, RULE)
    except FetchError:
        return
    assert url.scheme == "http"
    assert url.raw_host
