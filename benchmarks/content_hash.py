"""Benchmark ``content-hash``.

Measures: the time to hash the content of a small and a large JPEG and PNG, median of several rounds, and the peak
memory of a process that hashes ten images of 15 MB concurrently.
Baseline: for a JPEG, the SHA-256 of its bytes. For a PNG, inflating its scanlines and their SHA-256. None for memory.
Target: a ratio of at most 2.0 for JPEG and 1.25 for PNG, and less memory than the scanner has.
"""

import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from PIL import Image

from benchmarks.measurement import Measurement
from imagescan.domain.content_hash import content_hash
from testing.image_variants import split_png
from testing.resources import TEMPLATE
from tools import env, paths

MAX_JPEG_RATIO, MAX_PNG_RATIO = 2.0, 1.25
CONCURRENT_IMAGES = 10
IMAGE_BYTES = 15_000_000
CHUNK_BYTES = 256 * 1024


class Case(NamedTuple):
    """A file to hash, and what it is compared with."""

    name: str
    data: bytes
    baseline: Callable[[], object]
    target: float
    rounds: int


def measure() -> Iterator[Measurement]:
    """Measure the time in this process and the memory in a separate one."""
    for case in _cases():
        own, baseline = _seconds(case)
        yield Measurement("content-hash", case.name, own * 1e3, baseline * 1e3, case.target, "ms")
    limit = float(TEMPLATE.setting("ScannerFunction", "MemorySize"))
    yield Measurement("content-hash", "peak memory, ten images", _peak_megabytes(), None, limit, "MB")


def _cases() -> Iterator[Case]:
    for name, jpeg, rounds in (
        ("JPEG, 66 KB", (paths.SAMPLES / "astronaut.jpg").read_bytes(), 1000),
        ("JPEG, 10 MB", _tiled(10, 9, "JPEG"), 15),
    ):
        yield Case(name, jpeg, partial(_sha256, _chunks(jpeg)), MAX_JPEG_RATIO, rounds)
    for name, png, rounds in (
        ("PNG, 64 KB", (paths.SAMPLES / "cat-small.png").read_bytes(), 300),
        ("PNG, 10 MB", _tiled(1, 16, "PNG"), 7),
    ):
        scanlines = [data for kind, data in split_png(png) if kind == b"IDAT"]
        yield Case(name, png, partial(_inflate, scanlines), MAX_PNG_RATIO, rounds)


def _tiled(columns: int, rows: int, image_format: str) -> bytes:
    """Return an image that repeats a photo. In one column, repetitions are too far apart for PNG to compress them."""
    with Image.open(paths.SAMPLES / "motorcycle.jpg") as photo:
        tiled = Image.new("RGB", (columns * photo.width, rows * photo.height))
        for column in range(columns):
            for row in range(rows):
                tiled.paste(photo, (column * photo.width, row * photo.height))
    target = BytesIO()
    tiled.save(target, image_format, quality=90, compress_level=1)
    return target.getvalue()


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


def _sha256(chunks: list[bytes]) -> str:
    hashed = sha256()
    for chunk in chunks:
        hashed.update(chunk)
    return hashed.hexdigest()


def _inflate(chunks: list[bytes]) -> str:
    inflater, hashed = zlib.decompressobj(), sha256()
    for chunk in chunks:
        hashed.update(inflater.decompress(chunk))
    return hashed.hexdigest()


def _seconds(case: Case) -> tuple[float, float]:
    """Return the median times of hash and baseline. They alternate, so that other load affects both."""
    chunks = _chunks(case.data)
    if content_hash(chunks) is None:
        raise RuntimeError(f"{case.name} has no content hash")
    rounds = [(_time(lambda: content_hash(chunks)), _time(case.baseline)) for _ in range(case.rounds)]
    own, baseline = zip(*rounds, strict=True)
    return median(own), median(baseline)


def _time(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _peak_megabytes() -> float:
    """Return the peak memory of a process that hashes five JPEGs and five PNGs."""
    with TemporaryDirectory() as folder:
        files = [Path(folder) / "image.jpg", Path(folder) / "image.png"]
        for file, data in zip(files, (_tiled(14, 10, "JPEG"), _tiled(1, 25, "PNG")), strict=True):
            if len(data) < IMAGE_BYTES:
                raise RuntimeError(f"{file.name} has only {len(data):,} bytes")
            file.write_bytes(data)
        program = [sys.executable, "-m", "benchmarks.content_hash_memory", *map(str, files * (CONCURRENT_IMAGES // 2))]
        variables = env.server_env({"PYTHONPATH": f"{paths.ROOT}/src"})
        finished = subprocess.run(program, cwd=paths.ROOT, env=variables, stdout=subprocess.PIPE, check=True)  # noqa: S603 - constant
    return int(finished.stdout) / 1e6
