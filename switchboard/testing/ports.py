"""Ports on loopback for tests: held, listened at, or merely free a moment ago.

Between choosing a port and listening there a test may make tables for seconds, and somebody else may be given the port.
So whoever chooses one holds it: a socket that is bound and does not listen keeps the kernel from giving the port away,
and lets a server have it that asks for it by its number.
"""

from __future__ import annotations

import socket
import sys

__all__ = ["HeldPort", "free_port", "listening_socket"]


class HeldPort:
    """A port that nobody else is given by chance, from here to `close`.

    Connections to it are refused until somebody who asks for it by its ``number`` listens there, with SO_REUSEADDR as
    servers do. On Linux only; elsewhere it is as good as a `free_port`.
    """

    def __init__(self) -> None:
        self._holder = _bound_socket()
        self.number: int = self._holder.getsockname()[1]
        if sys.platform != "linux":
            self.close()  # nobody could listen there while it is held

    def close(self) -> None:
        self._holder.close()


def listening_socket(port: int = 0) -> socket.socket:
    """A socket that listens; connections wait in its backlog until somebody accepts, as supervisord.conf has it."""
    listener = _bound_socket(port)
    listener.listen(1024)
    return listener


def free_port() -> int:
    """A port that was free a moment ago. Somebody else may take it; with the other two there is no such gap."""
    with _bound_socket() as holder:
        port: int = holder.getsockname()[1]
        return port


def _bound_socket(port: int = 0) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
