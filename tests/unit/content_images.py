"""Images of many kinds, and what Pillow sees in them: the oracle of the tests of content hashes."""

import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageCms

from imagescan.domain.content_hash import content_hash
from testing.image_variants import exif, join_png, with_profile
from tools import paths

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OTHER_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
ARITHMETIC = tuple(sorted((paths.ROOT / "tests" / "data").glob("arithmetic*.jpg")))
"""``samples/cat.jpg``, cropped to 64 x 48 pixels and resized to 48 x 36, by ``cjpeg -arithmetic`` of libjpeg-turbo 2.1.

The second file also used ``-progressive``. Pillow decodes arithmetic coding, but cannot write it. The licence is that
of the sample, CC0.
"""
_FOLDERS = (
    paths.SAMPLES,
    paths.ROOT / "local" / "rekognition" / "test" / "images",
    paths.ROOT / "local" / "rekognition" / "node_modules" / "@vladmandic" / "human" / "assets",
)


def hash_of(data: bytes) -> str | None:
    return content_hash([data])


def seen(data: bytes) -> tuple[object, ...]:
    """Return what Pillow sees: mode, size, pixels, orientation of a JPEG, palette, transparency, gamma and profile."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        orientation = 1 if image.format == "PNG" else image.getexif().get(ExifTags.Base.Orientation, 1)
        palette = image.palette.tobytes() if image.palette else None
        details = (repr(image.info.get(name)) for name in ("transparency", "gamma", "icc_profile"))
        pixels = sha256(image.tobytes()).hexdigest()
        return image.mode, image.size, pixels, orientation if orientation in range(1, 9) else 1, palette, *details


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    target = BytesIO()
    image.save(target, image_format, **options)
    return target.getvalue()


@cache
def photo(width: int = 48, height: int = 36, mode: str = "RGB") -> Image.Image:
    """Return a part of a sample with detail in each block."""
    with Image.open(paths.SAMPLES / "cat.jpg") as image:
        return image.crop((140, 60, 204, 108)).resize((width, height)).convert(mode)


def found_images() -> Iterator[Path]:
    """Find the samples, the images of other tests, and those of an npm package of the Rekognition emulator."""
    for folder in filter(Path.is_dir, _FOLDERS):
        yield from sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".png"})


@cache
def jpegs() -> dict[str, bytes]:
    """Return small JPEGs of all kinds by name."""
    return {
        "baseline": encoded(photo(), "JPEG"),
        "optimised": encoded(photo(), "JPEG", optimize=True, quality=95),
        "progressive": encoded(photo(), "JPEG", progressive=True),
        "restart intervals": encoded(photo(), "JPEG", restart_marker_blocks=2),
        "subsampled": encoded(photo(), "JPEG", subsampling="4:2:2"),
        "not subsampled": encoded(photo(), "JPEG", subsampling="4:4:4"),
        "RGB components": encoded(photo(), "JPEG", keep_rgb=True),
        "grey": encoded(photo(mode="L"), "JPEG"),
        "CMYK": encoded(photo(mode="CMYK"), "JPEG"),
        "MPO": encoded(photo(), "MPO", save_all=True, append_images=[photo(mode="L")]),
        "all metadata": encoded(photo(), "JPEG", comment=b"A comment", exif=exif(6), xmp=b"<x/>", icc_profile=PROFILE),
        "profile of several chunks": with_profile(encoded(photo(), "JPEG"), PROFILE, chunk_bytes=200),
        **{path.stem: path.read_bytes() for path in ARITHMETIC},
    }


@cache
def pngs() -> dict[str, bytes]:
    """Return small PNGs of all kinds by name."""
    kinds = {
        f"{mode} of {width} x 7": encoded(photo(width, 7, mode), "PNG")
        for mode, width in product(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), (1, 5, 33))
    }
    palette = photo(mode="P")
    return {
        **kinds,
        "transparent palette": encoded(palette, "PNG", transparency=bytes(range(256))),
        "transparent colour": encoded(photo(), "PNG", transparency=(1, 2, 3)),
        "transparent grey": encoded(photo(mode="L"), "PNG", transparency=7),
        "2 bits": encoded(palette, "PNG", bits=2),
        "profile": encoded(photo(), "PNG", icc_profile=PROFILE),
        "stored": encoded(photo(), "PNG", compress_level=0),
        **{f"interlaced {name}": interlaced(*header) for name, header in _INTERLACED.items()},
    }


_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_INTERLACED = {
    "grey, 1 bit": (33, 7, 1, 0, 1),
    "grey, 16 bits": (9, 9, 16, 0, 1),
    "RGB": (20, 13, 8, 2, 3),
    "RGBA, 16 bits": (5, 3, 16, 6, 4),
    "one pixel": (1, 1, 8, 2, 3),
    "one column": (1, 9, 8, 0, 1),
    "one row": (9, 1, 8, 4, 2),
}


def interlaced(width: int, height: int, depth: int, colour_type: int, channels: int) -> bytes:
    """Return an interlaced PNG of random pixels. Pillow cannot write them."""
    random_bytes = random.Random(width * height).randbytes  # noqa: S311 - test data
    lines = []
    for x, y, dx, dy in _ADAM7:
        columns, rows = len(range(x, width, dx)), len(range(y, height, dy))
        lines += [b"\x00" + random_bytes((columns * depth * channels + 7) // 8) for _ in range(rows if columns else 0)]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 1)
    return join_png([(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")])
