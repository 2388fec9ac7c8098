"""Serve ``FakeAws`` from a separate process over loopback sockets."""

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme

from benchmarks.fake_aws import FakeAws
from benchmarks.server_process import server_process
from local.ports import ANY_PORT, HOST

_END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def loopback() -> Iterator[str]:
    """Start the server and yield its URL."""
    with server_process([sys.executable, "-m", __name__], {}) as address:
        yield address


@contextmanager
def loopback_over_tls() -> Iterator[tuple[str, Path]]:
    """Start the server with TLS, and yield its URL and the file with the CA certificate to trust."""
    authority = trustme.CA()
    with TemporaryDirectory() as folder:
        trusted, own = Path(folder, "authority.pem"), Path(folder, "own.pem")
        authority.cert_pem.write_to_path(trusted)
        authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(own)
        with server_process([sys.executable, "-m", __name__, own], {}) as address:
            yield address.replace("http:", "https:"), trusted


class Connection(asyncio.Protocol):
    """Minimal HTTP/1.1 for the SDK: one request at a time. A full server would add measurable time."""

    def __init__(self, fake_aws: FakeAws) -> None:
        self._fake_aws = fake_aws
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._answer_one():
            pass

    def _answer_one(self) -> bool:
        head, end, rest = self._received.partition(_END_OF_HEAD)
        line, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        length = int(headers.get("content-length", 0))
        if not end or len(rest) < length:
            if end and not rest and "expect" in headers:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        self._received = rest[length:]
        method, url, _ = line.split(" ")
        self._send(*self._fake_aws.answer(method, url, headers.get("x-amz-target"), rest[:length]))
        return True

    def _send(self, headers: Any, body: bytes) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body)


async def main(certificate: str | None = None) -> None:
    """Print the port, then serve until the process is stopped. ``certificate`` is a file with certificate and key."""
    fake_aws, context = FakeAws(), _tls(certificate) if certificate else None
    server = await asyncio.get_running_loop().create_server(lambda: Connection(fake_aws), HOST, ANY_PORT, ssl=context)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def _tls(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
