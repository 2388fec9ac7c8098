"""Lets containers reach the local stack's servers, which listen on 127.0.0.1 alone.

Docker Desktop does so by itself. On Linux a container knows the machine by the address of the engine's own network.
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
from local.say import Trouble

CHUNK_BYTES = 65_536
IP_FREEBIND = (
    15  # Linux's number: the network has its address only once a container runs, and Python has no name for it
)


def gateway(inherited: Mapping[str, str] = os.environ) -> str | None:
    """The machine's address as containers know it; None where they know it by themselves.

    Without a container engine that answers it is a `Trouble`.
    """
    socket_path = inherited.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    try:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=socket_path), base_url="http://engine", timeout=10
        ) as engine:
            network = engine.get("/networks/bridge").raise_for_status().json()
    except httpx.HTTPError as error:
        raise Trouble(f"no container engine answers at {socket_path}: {error}") from error
    return str(network["IPAM"]["Config"][0]["Gateway"]) if sys.platform == "linux" else None


@contextmanager
def bridge(address: str, wanted: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Each first port, at the address, leads to the second one at 127.0.0.1.

    Gives the first ones; 0 chooses a free one.
    """
    with ExitStack() as stack:
        servers = [stack.enter_context(_Forwarder(address, port, target)) for port, target in wanted]
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
            answers = threading.Thread(target=_copy, args=(server, self.request), daemon=True)
            answers.start()
            _copy(self.request, server)
            answers.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    # Either end may hang up at any time; the other one learns it by the shutdown.
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
