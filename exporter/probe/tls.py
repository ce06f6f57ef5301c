"""The client's side of TLS, without I/O: a handshake that never refuses what the server presents.

OpenSSL runs over memory buffers. Verification is off, so that a bad certificate is an observation
and not an error; old protocol versions, weak keys and legacy renegotiation are allowed for the same
reason. What was presented can be read even when the handshake fails after the certificate came, as
it does with a server that demands a client certificate.

A stapled OCSP response is asked for in every handshake (RFC 6066 section 8) and kept as it came; whether it
is worth anything is not decided here.

pyOpenSSL is used instead of `ssl` because it gives the presented chain on every Python version and
the staple, and costs about half the CPU time. A `Context` must not change after its first `Connection`.

All groups of OpenSSL's own list are offered, in its order, but the first flight has a key share for X25519 alone: nearly
every server takes that one, and one that wants another asks for it (HelloRetryRequest, RFC 8446 section 4.1.4). A share for
ML-KEM, which OpenSSL adds by itself, is a seventh of the cost of a probe and 1.2 kB of a ClientHello that some old
servers cannot take in two pieces.
"""

from __future__ import annotations

import functools

from OpenSSL import SSL

from exporter.model import KeyType, Reason, TlsFacts
from exporter.parsed import present
from exporter.probe.errors import ProbeError

_READ = 65536


_CIPHERS = {None: b"ALL:COMPLEMENTOFALL", KeyType.RSA: b"aRSA", KeyType.ECDSA: b"aECDSA"}


@functools.cache
def _context(key_type: KeyType | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    # Security level 0 is the only way to reach servers with SHA-1, 1024-bit keys or TLS 1.0.
    context.set_cipher_list(_CIPHERS[key_type] + b":@SECLEVEL=0")
    if key_type is not None:
        # In TLS 1.3 the ciphers say nothing about the certificate, and pyOpenSSL cannot choose the signatures.
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_ocsp_client_callback(_keep_staple)
    _share_x25519_alone(context)
    return context


_GROUPS = (
    b"?X25519MLKEM768:?SecP256r1MLKEM768:?curveSM2MLKEM768:?*X25519:?P-256:?X448:?P-384:?P-521:?curveSM2"
    b":?ffdhe2048:?ffdhe3072"
)
"""As SSL_CTX_set1_groups_list(3) takes them since OpenSSL 3.5: `?` for those that may be unknown, `*` for a key share."""


def _share_x25519_alone(context: SSL.Context) -> bool:
    """Whether the key shares could be chosen; with an OpenSSL before 3.5 they stay its own, which are no larger.

    pyOpenSSL has no public function for it, but the library that it is built on carries OpenSSL's.
    """
    library, handle = getattr(SSL, "_lib", None), getattr(context, "_context", None)
    choose = getattr(library, "SSL_CTX_set1_curves_list", None)
    if library is None or handle is None or choose is None:
        return False
    if choose(handle, _GROUPS) == 1:
        return True
    library.ERR_clear_error()  # else the next failure of a handshake would be told in these words
    return False


def _keep_staple(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    """Called by OpenSSL, with nothing in `staple` when none came; False would end the handshake."""
    connection.get_app_data().append(staple)
    return True


class TlsClient:
    """One TLS session. Feed it what arrived, send what it returns.

    Args:
        server_name: the SNI name in A-label form, empty for none (RFC 6066 section 3).
        key_type: the only kind of certificate to accept, with TLS 1.2 at most; None for any.
    """

    def __init__(self, server_name: str, key_type: KeyType | None = None) -> None:
        self._connection = SSL.Connection(_context(key_type), None)
        self._connection.set_connect_state()
        self._staples: list[bytes] = []
        # One callback serves all connections of the context; this is how it finds whose staple it has.
        self._connection.set_app_data(self._staples)
        self._connection.request_ocsp()
        if server_name:
            self._connection.set_tlsext_host_name(server_name.encode("ascii"))
        self._held = b""
        self.established = False
        self.closed = False
        """Whether the server has sent its close_notify."""

    def start(self) -> bytes:
        """The first flight, the ClientHello."""
        return self.receive(b"")[1]

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what arrived; return decrypted data and bytes to be sent.

        Raises:
            ProbeError: the server ended the handshake or sent something that is not TLS.
        """
        if data:
            self._connection.bio_write(data)
        try:
            if not self.established:
                self._connection.do_handshake()
                self.established = True
            plain = self._read()
        except SSL.WantReadError:
            plain = b""
        except SSL.SysCallError as error:
            raise ProbeError(Reason.CONNECTION_CLOSED, str(error.args[-1])) from error
        except SSL.Error as error:
            raise _explain(error) from error
        return plain, self._outgoing()

    def send(self, plain: bytes) -> bytes:
        """Encrypt; returns the bytes to be sent."""
        self._connection.sendall(plain)
        return self._outgoing()

    def close(self) -> bytes:
        """The close_notify alert (RFC 8446 section 6.1), empty when the session cannot send it."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return b""
        return self._outgoing()

    def chain(self) -> tuple[bytes, ...]:
        """The presented certificates as DER, leaf first; empty when none came."""
        certificates = self._connection.get_peer_cert_chain() or ()
        return tuple([present(certificate) for certificate in certificates])

    def staple(self) -> bytes:
        """The stapled OCSP response as it came, empty when there was none."""
        return b"".join(self._staples[-1:])

    def facts(self, aborted: str | None = None) -> TlsFacts:
        """What was negotiated."""
        connection = self._connection
        return TlsFacts(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name(),
            bits=connection.get_cipher_bits(),
            # Before the handshake is complete OpenSSL answers this with a crash.
            group=connection.get_group_name() if self.established else None,
            aborted=aborted,
        )

    def _read(self) -> bytes:
        plain = b""
        try:
            while chunk := self._connection.recv(_READ):
                plain += chunk
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        return plain

    def _outgoing(self) -> bytes:
        """What OpenSSL wants to send; a lone change_cipher_spec waits for the flight that follows it."""
        out = self._held
        more = _READ
        while more == _READ:
            try:
                piece = self._connection.bio_read(_READ)
            except SSL.WantReadError:
                break
            out += piece
            more = len(piece)
        self._held = out if out == _CHANGE_CIPHER_SPEC else b""
        return b"" if self._held else out


_CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")
"""In TLS 1.3 a record for middleboxes alone (RFC 8446 appendix D.4), sent as soon as the ServerHello has come."""


def _explain(error: SSL.Error) -> ProbeError:
    """OpenSSL's error queue as a reason; an alert is the server's word, all else is our reading of it."""
    queue = error.args[0] if error.args else []
    texts = [reason for _library, _function, reason in queue]
    detail = "; ".join(texts) or "TLS failed without a reason"
    alert = any(" alert " in f" {text} " for text in texts)
    return ProbeError(Reason.TLS_ALERT if alert else Reason.TLS_ERROR, detail)
