"""JPEG headers are read as decoders read them.

The expected results were compared with Pillow 13.0 and libjpeg-turbo 3.2: every file here that they decode has these
dimensions. Pillow is no dependency of this project, so the property test compares with a transcription of
``next_marker`` in libjpeg's jdmarker.c instead, which reads one byte at a time.
"""

import time
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagescan.domain.errors import BadInput
from imagescan.domain.image import MAX_POSTED_BYTES, validate_image
from imagescan.domain.image_header import MAX_MARKERS, ImageType, dimensions
from testing.images import jpeg, segment

JPEG = ImageType.JPEG
APP0 = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
SOF = segment(0xC0, b"\x08\x00\x64\x00\xc8\x01\x01\x11\x00")

SKIPPED = {
    "stray bytes after a segment": APP0 + b"??",
    "stray zeros after a segment": APP0 + bytes(1000),
    "stray bytes after each segment": (APP0 + b"?") * 20,
    "an escaped fill byte": APP0 + b"\xff\x00",
    "an escaped fill byte after fill bytes": APP0 + b"\xff\xff\xff\x00",
    "left-over scan data": APP0 + b"\x12\xff\x00\x34\xff\xd0\x56\xff\x00",
    "stray bytes before fill bytes": APP0 + b"??\xff\xff\xff",
    "fill bytes before a marker": b"\xff\xff\xff\xff" + APP0,
    "restart markers": APP0 + bytes(byte for code in range(0xD0, 0xD8) for byte in (0xFF, code)),
    "a segment whose length is too small": b"\xff\xee\x00\x00" + APP0,
    "a segment that contains a frame header": segment(0xE1, SOF),
    "a comment": segment(0xFE, b"??"),
}


@pytest.mark.parametrize("before", SKIPPED.values(), ids=SKIPPED)
def test_what_decoders_skip_before_the_frame_header_is_skipped(before: bytes) -> None:
    assert dimensions(jpeg(640, 480, segments=before), JPEG) == (640, 480)


@pytest.mark.parametrize("before", SKIPPED.values(), ids=SKIPPED)
def test_an_image_with_what_decoders_skip_can_be_posted(before: bytes) -> None:
    assert validate_image(jpeg(640, 480, segments=before), JPEG).width == 640


WITHOUT_FRAME = {
    "the signature alone": b"",
    "the end of the file after a segment": APP0,
    "the end of the file after stray bytes": APP0 + b"??",
    "the end of the file inside a segment": APP0[:-1],
    "the end of the file after fill bytes": APP0 + b"\xff\xff\xff",
    "the end of the file inside the frame header": APP0 + SOF[:8],
    "the end of the image before the frame header": APP0 + b"\xff\xd9" + SOF,
    "a scan before the frame header": APP0 + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + SOF,
    "a frame without height": SOF[:5] + b"\x00\x00" + SOF[7:],
    "a frame without width": SOF[:7] + b"\x00\x00" + SOF[9:],
}


@pytest.mark.parametrize("rest", WITHOUT_FRAME.values(), ids=WITHOUT_FRAME)
def test_a_file_without_a_frame_header_before_its_scan_has_no_dimensions(rest: bytes) -> None:
    assert dimensions(b"\xff\xd8" + rest, JPEG) is None


_PIECES = st.sampled_from(
    [APP0, SOF, b"\xff", b"\x00", b"?", b"\xff\x00", b"\xff\xd0", b"\xff\xd9", b"\xff\xda", b"\xff\xe1"]
)


@given(st.lists(_PIECES | st.binary(max_size=3), max_size=12).map(b"".join))
@example(b"\xff\xff\x00\xff" + SOF)
def test_the_dimensions_are_those_that_a_reader_of_single_bytes_finds(rest: bytes) -> None:
    content = b"\xff\xd8\xff" + rest
    assert dimensions(content, JPEG) == read_byte_by_byte(content)


def read_byte_by_byte(content: bytes) -> tuple[int, int] | None:
    """Find the frame header as libjpeg does, and return its width and height in pixels."""
    source = iter(content[2:])
    try:
        while (marker := _next_marker(source)) not in {0xD9, 0xDA}:
            if marker in {0x01, 0xD8} or 0xD0 <= marker <= 0xD7:
                continue
            length = next(source) << 8 | next(source)
            if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
                next(source)
                height = next(source) << 8 | next(source)
                width = next(source) << 8 | next(source)
                return (width, height) if width and height else None
            for _ in range(length - 2):
                next(source)
    except StopIteration:
        pass
    return None


def _next_marker(source: Iterator[int]) -> int:
    while True:
        while next(source) != 0xFF:
            pass
        while (code := next(source)) == 0xFF:
            pass
        if code:
            return code


_SIZE = MAX_POSTED_BYTES - 3
HOSTILE = {
    "fill bytes": b"\xff" * _SIZE,
    "stray bytes": b"?" * _SIZE,
    "escaped fill bytes": b"\xff\x00" * (_SIZE // 2),
    "escaped runs of fill bytes": (b"\xff" * 9 + b"\x00") * (_SIZE // 10),
    "restart markers": b"\xff\xd0" * (_SIZE // 2),
    "empty segments": b"\xff\xe0\x00\x00" * (_SIZE // 4),
    "stray bytes and restart markers": b"?\xff\xd0" * (_SIZE // 3),
}


@pytest.mark.parametrize("rest", HOSTILE.values(), ids=HOSTILE)
def test_a_crafted_file_costs_less_than_hashing_it_a_few_times(rest: bytes) -> None:
    content = b"\xff\xd8\xff" + rest
    hashing = _fastest(lambda: sha256(content).digest())
    assert _fastest(lambda: dimensions(content, JPEG)) < 5 * hashing
    with pytest.raises(BadInput, match="corrupt"):
        validate_image(content, JPEG)


def _fastest(run: Callable[[], object]) -> float:
    """Return the CPU time of the fastest of three runs in seconds. Other processes do not count."""
    times = []
    for _ in range(3):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


def test_a_header_is_found_behind_thousands_of_markers_but_not_behind_any_number() -> None:
    assert dimensions(jpeg(640, 480, segments=b"\xff\xd0" * (MAX_MARKERS - 1)), JPEG) == (640, 480)
    assert dimensions(jpeg(640, 480, segments=b"\xff\xd0" * MAX_MARKERS), JPEG) is None
