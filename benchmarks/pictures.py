"""A bucket on the loopback, from which the Rekognition stand-in reads: each key is a picture of its own bytes."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.served import served
from local.ports import ANY, HOST
from tests.pictures import png

_PNG = png(80, 80)


@contextmanager
def bucket() -> Iterator[str]:
    """Its address while it runs."""
    with served([sys.executable, "-m", __name__], {}) as address:
        yield address


class Connection(asyncio.Protocol):
    """HTTP/1.1 for GET and nothing else, so that reading a picture takes next to no time."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            body = _PNG + request.split(b" ")[1]  # a decoder stops where the picture ends
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def main() -> None:
    """Serves until it is ended, after it has printed its port."""
    server = await asyncio.get_running_loop().create_server(Connection, HOST, ANY)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
