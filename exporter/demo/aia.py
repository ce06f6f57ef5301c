"""Where the demo's certificates say that their issuer's certificate is: a web server for one file.

In: the certificate. Out: a URL on loopback that answers every GET with it (RFC 5280 section 4.2.2.1).
It lets the demo prove a missing intermediate without asking anything off this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.demo.wire import Listener, Wire

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

FILE = "contoso-subordinate-ca.crt"


class IssuerSite(Listener):
    """Serves one certificate as DER."""

    def __init__(self, issuer: Issued) -> None:
        super().__init__(self._answer)
        self._issuer = issuer

    @property
    def url(self) -> str:
        """What goes into the certificates; the port is known once the site has started."""
        return f"http://{self.host}:{self.port}/{FILE}"

    async def _answer(self, wire: Wire) -> None:
        while await wire.line():
            pass  # the request, up to its empty line, does not matter
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-cert\r\n"
            f"Content-Length: {len(self._issuer.der)}\r\nConnection: close\r\n\r\n"
        )
        await wire.send(head.encode() + self._issuer.der)
        await wire.finish()
