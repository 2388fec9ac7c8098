"""Reads a file from chunks of any size, in constant memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

END_OF_IMAGE = b"\xff\xd9"
_MARKER_BYTES = 2
_HEAD_BYTES = 4  # a marker and a length


class NoCanonicalFormError(Exception):
    """The file is truncated, corrupt or ambiguous, so it has no content hash."""


class ByteReader:
    """A position in a file. It takes chunks from the iterator only when it needs their bytes.

    All methods raise NoCanonicalFormError if the file ends too early.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Start at the first byte."""
        self._chunks = iter(chunks)
        self._block = b""
        self._at = 0

    def peek(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, and stay before them."""
        if self._at + size > len(self._block):
            self._extend_block(size)
        return self._block[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes."""
        start, end = self._at, self._at + size
        if end > len(self._block):
            self._extend_block(size)
            start, end = 0, size
        self._at = end
        return self._block[start:end]

    def read_segment(self) -> bytes:
        """Return a JPEG segment: a marker and a length of two bytes each, and the bytes that the length counts.

        Return only the marker if it is the end of the image.
        """
        head = self._block[self._at : self._at + _HEAD_BYTES]
        if len(head) < _HEAD_BYTES:
            head = self.peek(_MARKER_BYTES)
            if head != END_OF_IMAGE:
                head = self.peek(_HEAD_BYTES)
        if head.startswith(END_OF_IMAGE):
            return self.read(_MARKER_BYTES)
        size = _MARKER_BYTES + (head[2] << 8 | head[3])
        if size < _HEAD_BYTES:  # the length counts itself
            raise NoCanonicalFormError
        return self.read(size)

    def pieces(self, size: int, piece_size: int) -> Iterator[memoryview]:
        """Return the next ``size`` bytes in pieces."""
        while size:
            if self._at == len(self._block):
                self._extend_block(1)
            piece = memoryview(self._block)[self._at : self._at + min(size, piece_size)]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def copy_until(self, marker: "re.Pattern[bytes]", copy: Callable[[memoryview], object]) -> None:
        """Copy the bytes before the next marker: a pattern of 0xFF and another byte."""
        while (found := marker.search(self._block, self._at)) is None:
            end = max(self._at, len(self._block) - self._block.endswith(b"\xff"))
            copy(memoryview(self._block)[self._at : end])
            self._at = end
            self._extend_block(2)
        copy(memoryview(self._block)[self._at : found.start()])
        self._at = found.start()

    def _extend_block(self, size: int) -> None:
        """Start a new block at this position, which contains at least ``size`` bytes."""
        unread = self._block[self._at :]
        parts = [unread] if unread else []  # a single part is not copied
        missing = size - len(unread)
        for chunk in self._chunks:
            if chunk:
                parts.append(chunk)
            missing -= len(chunk)
            if missing <= 0:
                break
        else:
            raise NoCanonicalFormError
        self._block = b"".join(parts)
        self._at = 0
