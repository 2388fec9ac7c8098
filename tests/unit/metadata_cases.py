"""Small files with metadata, and what remains of them. The command line and the web page read the same table.

After a change of the cases or of the removal, write the table with ``python -m tests.unit.metadata_cases``.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagescan_cli.metadata import MetadataError, remove_metadata
from testing.images import jpeg, segment

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "data" / "metadata_removal.json"
SAMPLES = sorted(each for each in (ROOT / "samples").iterdir() if each.suffix in {".jpg", ".png"})

COM, APP0, APP1, APP2, APP5, APP8, APP11, APP13, APP14 = 0xFE, 0xE0, 0xE1, 0xE2, 0xE5, 0xE8, 0xEB, 0xED, 0xEE
SECRET = b"N 52.5163 E 13.3777"
JFIF = segment(APP0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
ADOBE = segment(APP14, b"Adobe\0d\0\0\0\0\1")
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ORIENTATION, DESCRIPTION, SHORT, LONG = 0x0112, 0x010E, 3, 4
PNG_HEADER = b"\0\0\0\1\0\0\0\1\x08\0\0\0\0"


def tiff(*entries: tuple[int, int, int, int], order: Any = "big", at: int = 8, thumbnail: bytes = b"") -> bytes:
    """Return EXIF data with these entries (tag, type, count, value), and an optional directory of a thumbnail."""
    directory = len(entries).to_bytes(2, order)
    for tag, kind, count, value in entries:
        number = value.to_bytes(4 if kind == LONG else 2, order).ljust(4, b"\0")
        directory += tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(4, order) + number
    end = 8 + len(directory) + 4
    start = {"big": b"MM\0*", "little": b"II*\0"}[order] + at.to_bytes(4, order)
    return start + directory + (end if thumbnail else 0).to_bytes(4, order) + thumbnail


def exif(data: bytes) -> bytes:
    """Return a segment with EXIF data."""
    return segment(APP1, b"Exif\0\0" + data)


def oriented(value: int, order: str = "big") -> bytes:
    """Return an EXIF segment with an orientation and a secret."""
    return exif(tiff((DESCRIPTION, SHORT, 1, 9), (ORIENTATION, SHORT, 1, value), order=order) + SECRET)


def icc(number: int, count: int) -> bytes:
    """Return a part of a colour profile."""
    return segment(APP2, b"ICC_PROFILE\0" + bytes((number, count)) + b"profile")


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a PNG chunk."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def png(*before: bytes, after: bytes = b"", header: bytes = PNG_HEADER, end: bytes = b"") -> bytes:
    """Return a PNG with chunks before and after its image data."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before)
    return start + chunk(b"IDAT", b"scanlines") + after + chunk(b"IEND", end)


def scan(data: bytes, after: bytes = b"") -> bytes:
    """Return a JPEG with scan data, and segments after it."""
    return jpeg()[:-2] + data + after + b"\xff\xd9"


def accepted() -> Iterator[tuple[str, bytes]]:
    """Yield files whose metadata is removed."""
    yield "JPEG without metadata", jpeg()
    yield "JFIF and Adobe segments", jpeg(segments=JFIF + ADOBE)
    yield "JFIF segment with a thumbnail", jpeg(segments=segment(APP0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + SECRET))
    yield "JFIF extension with a thumbnail", jpeg(segments=JFIF + segment(APP0, b"JFXX\0" + SECRET))
    for value in range(10):
        yield f"EXIF orientation {value}", jpeg(segments=oriented(value))
    yield "little-endian EXIF", jpeg(segments=oriented(6, "little"))
    yield "EXIF before JFIF", jpeg(segments=oriented(8) + JFIF)
    yield "EXIF value at the end of the data", jpeg(segments=exif(tiff((DESCRIPTION, LONG, 2, 26)) + SECRET[:8]))
    yield "EXIF without orientation", jpeg(segments=exif(tiff((DESCRIPTION, SHORT, 1, 9)) + SECRET))
    upright = tiff((ORIENTATION, SHORT, 1, 1))[8:]
    yield "EXIF with an upright thumbnail", jpeg(segments=exif(tiff(thumbnail=upright) + SECRET))
    yield "XMP", jpeg(segments=segment(APP1, XMP + SECRET))
    yield "XMP that agrees with EXIF", jpeg(segments=oriented(6) + segment(APP1, XMP + b'tiff:Orientation="6"'))
    element = b"<tiff:Orientation>\n1\n</tiff:Orientation>"
    yield "XMP that states an upright image", jpeg(segments=segment(APP1, XMP + element))
    yield "colour profile in two parts", jpeg(segments=icc(1, 2) + segment(COM, SECRET) + icc(2, 2))
    yield "multi-picture index", jpeg(segments=segment(APP2, b"MPF\0" + SECRET)) + jpeg(segments=oriented(1))
    yield "IPTC", jpeg(segments=segment(APP13, b"Photoshop 3.0\0" + SECRET))
    yield "signature of the origin", jpeg(segments=segment(APP11, b"JP\0\1\0\0\0\1\0\0\0\x20jumb" + SECRET))
    yield "segments of applications", jpeg(segments=segment(APP5, SECRET) + segment(APP8, SECRET))
    yield "Ducky segment", jpeg(segments=segment(APP14, b"Ducky" + SECRET))
    yield "scan data with an escaped byte and restart markers", scan(b"\1\xff\0\2\xff\xd0\3\xff\xd7\4")
    yield "comment between scans", scan(b"\1", segment(COM, SECRET) + jpeg()[-12:-2] + b"\2")
    yield "bytes after the end of the image", jpeg() + SECRET
    yield "PNG without metadata", png()
    chunks = (b"cHRM", b"gAMA", b"sBIT", b"cICP", b"mDCV", b"cLLI", b"PLTE", b"tRNS", b"bKGD")
    yield "PNG with the chunks of its pixels", png(*(chunk(each, b"\0\1") for each in chunks))
    texts = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"pHYs", b"hIST", b"sPLT", b"prVt", b"acTL", b"fcTL")
    yield "PNG with metadata before its image data", png(*(chunk(each, SECRET) for each in texts))
    yield "PNG with metadata after its image data", png(after=chunk(b"tEXt", SECRET) + chunk(b"fdAT", SECRET))
    yield "PNG with two parts of image data", png(after=chunk(b"IDAT", b"more"))
    yield "PNG with bytes after its end", png() + SECRET


def rejected() -> Iterator[tuple[str, bytes]]:
    """Yield files that could be interpreted in different ways."""
    yield from _invalid_jpegs()
    yield from _ambiguous_jpegs()
    yield from _invalid_pngs()


def _invalid_jpegs() -> Iterator[tuple[str, bytes]]:
    yield "empty file", b""
    yield "GIF", b"GIF89a"
    yield "JPEG that ends after its first marker", b"\xff\xd8"
    yield "JPEG that ends within a marker", jpeg()[:-1]
    yield "JPEG that ends within a segment", jpeg()[:10]
    yield "JPEG that ends within the length of a segment", b"\xff\xd8\xff\xe1\0"
    yield "JPEG that ends within its scan", jpeg()[:-2]
    yield "stray bytes between segments", jpeg(segments=JFIF + b"\0\0")
    yield "fill byte between segments", jpeg(segments=JFIF + b"\xff")
    yield "fill byte after the scan", scan(b"\1\xff")
    yield "segment length of one", jpeg(segments=b"\xff\xe5\0\1")
    yield "restart marker outside a scan", jpeg(segments=b"\xff\xd0")
    yield "number of lines after the scan", scan(b"\1", segment(0xDC, b"\0\1"))
    yield "lossless JPEG", jpeg(frame=0xC3)
    yield "two frames", jpeg(segments=segment(0xC0, bytes(9)))
    yield "scan before its frame", b"\xff\xd8" + segment(0xDA, bytes(6)) + jpeg()[2:]
    yield "JPEG without a scan", b"\xff\xd8" + segment(0xC0, bytes(9)) + b"\xff\xd9"


def _ambiguous_jpegs() -> Iterator[tuple[str, bytes]]:
    yield "two EXIF segments", jpeg(segments=oriented(1) + oriented(1))
    yield "EXIF after the scan", scan(b"\1", oriented(1))
    yield "EXIF without data", jpeg(segments=segment(APP1, b"Exif\0\0"))
    yield "EXIF with another name", jpeg(segments=segment(APP1, b"Exif\0\xff" + tiff()))
    yield "EXIF after other bytes", jpeg(segments=segment(APP1, b"\0\0EXIF\0\0" + tiff()))
    yield "EXIF directory within the header", jpeg(segments=exif(tiff(at=4)))
    yield "EXIF directory after the end", jpeg(segments=exif(tiff(at=9999)))
    yield "truncated EXIF", jpeg(segments=exif(tiff((ORIENTATION, SHORT, 1, 6))[:-1]))
    yield "two orientations", jpeg(segments=exif(tiff((ORIENTATION, SHORT, 1, 6), (ORIENTATION, SHORT, 1, 6))))
    yield "orientation of another type", jpeg(segments=exif(tiff((ORIENTATION, LONG, 1, 6))))
    yield "two values of an orientation", jpeg(segments=exif(tiff((ORIENTATION, SHORT, 2, 6))))
    yield "EXIF entry of an unknown type", jpeg(segments=exif(tiff((DESCRIPTION, 14, 1, 6))))
    yield "EXIF entry of type 0", jpeg(segments=exif(tiff((DESCRIPTION, 0, 1, 6))))
    yield "EXIF value outside the data", jpeg(segments=exif(tiff((DESCRIPTION, LONG, 2, 27))))
    rotated = tiff((ORIENTATION, SHORT, 1, 6))[8:]
    yield "orientation of the thumbnail only", jpeg(segments=exif(tiff(thumbnail=rotated)))
    for text in ('tiff:Orientation="6"', "<tiff:Orientation>8<", "tiff:Orientation='1", 'tiff:Orientation=""'):
        yield f"XMP {text} with EXIF orientation 3", jpeg(segments=oriented(3) + segment(APP1, XMP + text.encode()))
    utf_16 = 'tiff:Orientation="6"'.encode("utf-16-le")
    yield "XMP in UTF-16 that states an orientation", jpeg(segments=segment(APP1, XMP + utf_16))
    yield "two JFIF segments", jpeg(segments=JFIF + JFIF)
    yield "short JFIF segment", jpeg(segments=segment(APP0, b"JFIF\0\1\1"))
    yield "JFIF after the scan", scan(b"\1", JFIF)
    yield "two Adobe segments", jpeg(segments=ADOBE + ADOBE)
    yield "short Adobe segment", jpeg(segments=segment(APP14, b"Adobe\0d"))
    yield "long Adobe segment", jpeg(segments=segment(APP14, b"Adobe\0d\0\0\0\0\1" + SECRET))
    yield "parts of a colour profile in the wrong order", jpeg(segments=icc(2, 2) + icc(1, 2))
    yield "colour profile without its second part", jpeg(segments=icc(1, 2))
    yield "colour profile without a number", jpeg(segments=segment(APP2, b"ICC_PROFILE\0"))
    yield "colour profile after the scan", scan(b"\1", icc(1, 1))
    yield "SPIFF", jpeg(segments=segment(APP8, b"SPIFF\0"))
    yield "field of a video", jpeg(segments=segment(APP0, b"AVI1"))
    yield "JPEG XT", jpeg(segments=segment(APP11, b"JP\0\1\0\0\0\1\0\0\0\x20FTYP"))


def _invalid_pngs() -> Iterator[tuple[str, bytes]]:
    yield "PNG that ends after its signature", png()[:8]
    yield "PNG that ends within a chunk", png()[:-1]
    yield "PNG with a wrong checksum", png(chunk(b"tEXt", SECRET)[:-1] + b"\0")
    yield "PNG with an unknown critical chunk", png(chunk(b"CgBI"))
    yield "PNG with a chunk type that is not text", png(chunk(b"ab1d"))
    yield "PNG with a short header", png(header=PNG_HEADER[:-1])
    yield "PNG with two headers", png(chunk(b"IHDR", PNG_HEADER))
    yield "PNG with two palettes", png(chunk(b"PLTE", b"abc"), chunk(b"PLTE", b"abc"))
    yield "PNG with transparency after its image data", png(after=chunk(b"tRNS", b"\0"))
    yield "PNG with interrupted image data", png(after=chunk(b"tEXt", b"a") + chunk(b"IDAT", b"more"))
    yield "PNG without image data", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", PNG_HEADER) + chunk(b"IEND")
    yield "PNG with data in its last chunk", png(end=b"\0")


def table() -> dict[str, Any]:
    """Return the files with what remains of them or the error, and the hashes of the samples without metadata."""
    files = [{"why": why, "file": content.hex(), **_result(content)} for why, content in (*accepted(), *rejected())]
    samples = {each.name: hashlib.sha256(remove_metadata(each.read_bytes())).hexdigest() for each in SAMPLES}
    return {"files": files, "samples": samples}


def _result(content: bytes) -> dict[str, str]:
    try:
        return {"cleaned": remove_metadata(content).hex()}
    except MetadataError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")
