"""Mozilla's authorities."""

from __future__ import annotations

import ssl

import certifi

from exporter import trust


def test_all_of_certifi() -> None:
    """The store holds exactly the certificates that certifi's bundle holds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())
    anchors = trust.load("mozilla", "mozilla").anchors
    assert len(anchors) > 50
    assert set(anchors) == set(context.get_ca_certs(binary_form=True))
