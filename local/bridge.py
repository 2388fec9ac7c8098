"""Forward connections from containers to the local stack's servers, which listen on 127.0.0.1 only.

Docker Desktop does this itself. On Linux, a container reaches the machine through the gateway of the engine's network.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

import httpx

from local import ports
from tools.console import CommandError

CHUNK_BYTES = 65_536
# Linux's option number, for which Python has no constant. The gateway address exists only while a container runs, and
# this option allows binding it earlier.
IP_FREEBIND = 15


def gateway(inherited: Mapping[str, str] = os.environ) -> str | None:
    """Return the address at which containers reach this machine, or None if the engine forwards connections itself.

    Raise CommandError if no container engine answers.
    """
    socket_path = inherited.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    try:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=socket_path), base_url="http://engine", timeout=10
        ) as engine:
            network = engine.get("/networks/bridge").raise_for_status().json()
    except httpx.HTTPError as error:
        raise CommandError(f"No container engine answers at {socket_path}: {error}") from error
    return str(network["IPAM"]["Config"][0]["Gateway"]) if sys.platform == "linux" else None


@contextmanager
def bridge(address: str, forwards: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Forward each first port at the address to the second port at 127.0.0.1, and yield the first ports.

    `ports.ANY_PORT` picks a free port.
    """
    with ExitStack() as stack:
        servers = [stack.enter_context(_Forwarder(address, port, target)) for port, target in forwards]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield [server.server_address[1] for server in servers]


class _Forwarder(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, port: int, target: int) -> None:
        self.target = target
        super().__init__((address, port), _Connection)

    def server_bind(self) -> None:
        if sys.platform == "linux":
            self.socket.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        super().server_bind()


class _Connection(BaseRequestHandler):
    server: _Forwarder

    def handle(self) -> None:
        with socket.create_connection((ports.HOST, self.server.target)) as server:
            responses = threading.Thread(target=_copy, args=(server, self.request), daemon=True)
            responses.start()
            _copy(self.request, server)
            responses.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    # Either side may close the connection at any time. The shutdown propagates this to the other side.
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
