"""Reads a file from chunks of any size, in constant memory."""

from collections.abc import Iterable, Iterator
from typing import Protocol


class NoCanonicalFormError(Exception):
    """The file is truncated, corrupt or ambiguous. It has no content hash."""


class Hash(Protocol):
    """The part of a hashlib object that readers use."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes to the hash."""


class Marker(Protocol):
    """A compiled pattern of two bytes that starts with 0xFF."""

    def search(self, data: bytes, at: int, /) -> "Match | None":
        """Return the first occurrence from a position."""


class Match(Protocol):
    """An occurrence of a marker."""

    def start(self) -> int:
        """Return its position."""


class ByteReader:
    """A position in a file. It requests a chunk only when the previous one is used up."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Start at the first byte."""
        self._chunks = iter(chunks)
        self._block = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes. Raise NoCanonicalFormError if the file ends before."""
        end = self._at + size
        if end <= len(self._block):
            data = self._block[self._at : end]
            self._at = end
            return data
        return b"".join(self.pieces(size, size))

    def pieces(self, size: int, piece_size: int) -> Iterator[memoryview]:
        """Return the next ``size`` bytes in pieces of at most ``piece_size``. Raise NoCanonicalFormError like ``read``."""
        while size:
            if self._at == len(self._block):
                self._next_block()
            piece = memoryview(self._block)[self._at : self._at + min(size, piece_size)]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def copy_until(self, marker: Marker, target: Hash) -> None:
        """Add the bytes before the next marker to a hash. Raise NoCanonicalFormError if there is none."""
        while (found := marker.search(self._block, self._at)) is None:
            end = len(self._block)
            if self._at < end and self._block[-1] == 0xFF:  # may be the first byte of a marker
                end -= 1
            target.update(memoryview(self._block)[self._at : end])
            self._next_block(self._block[end:])
        target.update(memoryview(self._block)[self._at : found.start()])
        self._at = found.start()

    def _next_block(self, before: bytes = b"") -> None:
        for chunk in self._chunks:
            if chunk:
                self._block = before + chunk if before else chunk
                self._at = 0
                return
        raise NoCanonicalFormError
