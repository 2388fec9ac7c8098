"""Variants of image files, made from their bytes. No pixel is decoded or encoded.

All but ``with_new_content`` and another orientation differ in metadata only, so they have the same content.
"""

import random
import struct
import zlib
from collections.abc import Iterable, Iterator

from testing.images import segment

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF = b"Exif\x00\x00"
XMP = b"http://ns.adobe.com/xap/1.0/\x00"
ICC = b"ICC_PROFILE\x00"
MAX_PAYLOAD = 65_533  # bytes of a JPEG segment
_SCAN, _QUANTIZATION_TABLES = 0xDA, 0xDB
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_NEW_TABLE = 3  # encoders use 0 to 2
_NEW_COLOURS = 8
_GREY, _PALETTE, _GREY_ALPHA = 0, 3, 4
_AFTER_PALETTE = (b"tRNS", b"bKGD", b"hIST", b"IDAT")
_BYTE_ORDERS = {"<": b"II*\x00", ">": b"MM\x00*"}

type Chunk = tuple[bytes, bytes]
"""The name and the data of a PNG chunk."""


# ---------------------------------------------------------------- JPEG


def split_jpeg(jpeg: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments between the start of the image and the first scan, and the rest of the file."""
    segments, at = [], 2
    while jpeg[at + 1] != _SCAN:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        segments.append(jpeg[at:end])
        at = end
    return segments, jpeg[at:]


def join_jpeg(segments: Iterable[bytes], rest: bytes) -> bytes:
    """Reverse ``split_jpeg``."""
    return b"\xff\xd8" + b"".join(segments) + rest


def with_segments(jpeg: bytes, *added: bytes, at: int = 1) -> bytes:
    """Insert segments before the one at an index. JFIF usually has index 0. A large index means the first scan."""
    segments, rest = split_jpeg(jpeg)
    return join_jpeg([*segments[:at], *added, *segments[at:]], rest)


def with_comment(jpeg: bytes, text: str = "A comment", *, at: int = 1) -> bytes:
    """Add a comment to a JPEG."""
    return with_segments(jpeg, segment(0xFE, text.encode()), at=at)


def with_xmp(jpeg: bytes, properties: str = 'xmp:Rating="5"', *, at: int = 1) -> bytes:
    """Add XMP with these properties to a JPEG."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f"{properties}/></rdf:RDF></x:xmpmeta>"
    )
    return with_segments(jpeg, segment(0xE1, XMP + packet.encode()), at=at)


def without_exif(jpeg: bytes) -> bytes:
    """Remove EXIF from a JPEG. This also removes its orientation."""
    segments, rest = split_jpeg(jpeg)
    return join_jpeg((each for each in segments if not each.startswith(EXIF, 4)), rest)


def with_exif(jpeg: bytes, *, orientation: int | None = 1, byte_order: str = ">", at: int = 1) -> bytes:
    """Replace the EXIF of a JPEG by the name of a camera and an orientation. ``byte_order`` is that of ``struct``."""
    return with_segments(without_exif(jpeg), segment(0xE1, exif(orientation, byte_order=byte_order)), at=at)


def exif(orientation: int | None = 1, *, byte_order: str = ">") -> bytes:
    """Return the payload of an EXIF segment."""
    entries = [(0x010F, 2, 4, b"Cam\x00")]
    if orientation is not None:
        entries.append((0x0112, 3, 1, struct.pack(f"{byte_order}HH", orientation, 0)))
    return EXIF + tiff(entries, byte_order=byte_order)


def tiff(
    entries: list[tuple[int, int, int, bytes]], *following: list[tuple[int, int, int, bytes]], byte_order: str
) -> bytes:
    """Return TIFF data of directories. An entry is a tag, a type, a count and four bytes of value."""
    data = _BYTE_ORDERS[byte_order] + struct.pack(f"{byte_order}I", 8)
    directories = (entries, *following)
    for index, directory in enumerate(directories):
        data += struct.pack(f"{byte_order}H", len(directory))
        data += b"".join(struct.pack(f"{byte_order}HHI4s", *entry) for entry in directory)
        data += struct.pack(f"{byte_order}I", len(data) + 4 if index + 1 < len(directories) else 0)
    return data


def with_profile(jpeg: bytes, profile: bytes, *, at: int = 1, chunk_bytes: int = MAX_PAYLOAD - 14) -> bytes:
    """Replace the colour profile of a JPEG, in chunks of at most ``chunk_bytes``."""
    segments, rest = split_jpeg(jpeg)
    others = join_jpeg((each for each in segments if not each.startswith(ICC, 4)), rest)
    return with_segments(others, *profile_segments(profile, chunk_bytes), at=at)


def profile_segments(profile: bytes, chunk_bytes: int = MAX_PAYLOAD - 14) -> list[bytes]:
    """Return the segments of a colour profile."""
    chunks = [profile[start : start + chunk_bytes] for start in range(0, len(profile), chunk_bytes)]
    return [segment(0xE2, ICC + bytes((number, len(chunks))) + chunk) for number, chunk in enumerate(chunks, start=1)]


# ---------------------------------------------------------------- PNG


def split_png(png: bytes) -> list[Chunk]:
    """Return the chunks of a PNG up to its end."""
    return list(_chunks(png))


def _chunks(png: bytes) -> Iterator[Chunk]:
    at, name = len(PNG_SIGNATURE), b""
    while name != b"IEND":
        size, name = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        yield name, png[at + 8 : at + 8 + size]
        at += 12 + size


def join_png(chunks: Iterable[Chunk]) -> bytes:
    """Reverse ``split_png``, with correct checksums."""
    return PNG_SIGNATURE + b"".join(png_chunk(name, data) for name, data in chunks)


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *added: Chunk, before: bytes = b"IDAT") -> bytes:
    """Insert chunks before the first chunk with a name."""
    chunks = split_png(png)
    at = [name for name, _ in chunks].index(before)
    return join_png([*chunks[:at], *added, *chunks[at:]])


def without_chunks(png: bytes, *names: bytes) -> bytes:
    """Remove the chunks with these names."""
    return join_png(chunk for chunk in split_png(png) if chunk[0] not in names)


def with_text_chunk(png: bytes, text: str = "A comment") -> bytes:
    """Add a text chunk to a PNG."""
    return with_chunks(png, (b"tEXt", b"Comment\x00" + text.encode("latin-1")))


def scanlines(png: bytes) -> bytes:
    """Return the inflated, still filtered scanlines of a PNG."""
    return zlib.decompress(b"".join(data for name, data in split_png(png) if name == b"IDAT"))


def with_image_data(png: bytes, data: bytes, *, chunk_bytes: int = 8192) -> bytes:
    """Replace the compressed scanlines of a PNG, in chunks of at most ``chunk_bytes``."""
    pieces = [(b"IDAT", data[start : start + chunk_bytes]) for start in range(0, len(data), chunk_bytes)]
    return with_chunks(without_chunks(png, b"IDAT"), *pieces, before=b"IEND")


def recompressed(png: bytes, *, level: int = 1, chunk_bytes: int = 5000) -> bytes:
    """Compress the scanlines of a PNG at another level, in chunks of another size."""
    return with_image_data(png, zlib.compress(scanlines(png), level), chunk_bytes=chunk_bytes)


# ---------------------------------------------------------------- both


def with_trailing_bytes(data: bytes, trailing: bytes = b"trailing bytes") -> bytes:
    """Append bytes after the end of the image, which decoders ignore."""
    return data + trailing


def with_new_content(image: bytes, number: int | None = None) -> bytes:
    """Return the image with other content and the same pixels. Each number makes other content, and None a random one.

    A JPEG gets a quantisation table and a PNG colours of a palette, which no pixel uses. Raise ValueError if there is
    no room for them.
    """
    chance = random.Random(number)  # noqa: S311 - not used for security
    if image.startswith(PNG_SIGNATURE):
        return _with_colours(image, chance.randbytes(3 * _NEW_COLOURS))
    return _with_table(image, bytes(chance.choices(range(1, 256), k=64)))


def _with_table(jpeg: bytes, table: bytes) -> bytes:
    """Add a quantisation table that no component uses."""
    if _NEW_TABLE in _tables(jpeg):
        raise ValueError(f"The JPEG uses or defines the quantisation table {_NEW_TABLE}. Choose another image.")
    return with_segments(jpeg, segment(_QUANTIZATION_TABLES, bytes((_NEW_TABLE,)) + table))


def _tables(jpeg: bytes) -> Iterator[int]:
    """Return the numbers of the quantisation tables that the frame uses or that are defined before the first scan."""
    for each in split_jpeg(jpeg)[0]:
        marker, payload = each[1], each[4:]
        if marker in _FRAMES:
            yield from payload[8::3]
        at = 0
        while marker == _QUANTIZATION_TABLES and at < len(payload):
            yield payload[at] & 0x0F
            at += 129 if payload[at] >> 4 else 65


def _with_colours(png: bytes, colours: bytes) -> bytes:
    """Add colours to the palette, which is only a suggestion if the image has another colour type."""
    chunks = split_png(png)
    depth, colour_type = chunks[0][1][8:10]
    palette = dict(chunks).get(b"PLTE", b"") + colours
    most = 2**depth if colour_type == _PALETTE else 256
    if colour_type in (_GREY, _GREY_ALPHA) or len(palette) > 3 * most:
        raise ValueError("The PNG has no palette or no room in it. Choose another image.")
    others = without_chunks(png, b"PLTE")
    before = next(name for name, _ in split_png(others) if name in _AFTER_PALETTE)
    return with_chunks(others, (b"PLTE", palette), before=before)
