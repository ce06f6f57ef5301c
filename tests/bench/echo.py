"""A server that has nothing to do but to answer, in a process of its own: prints its port and serves one client."""

from __future__ import annotations

import socket

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Answer whatever comes, until the client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        with connection:
            while connection.recv(4096):
                connection.sendall(_ANSWER)


if __name__ == "__main__":
    main()
