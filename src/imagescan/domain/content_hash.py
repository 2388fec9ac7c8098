"""Identifies the content of an image file: a hash of the parts that decoders need to produce its pixels.

docs/same-image.md defines the canonical form. A file whose canonical form is in doubt has none.
"""

from collections.abc import Iterable

from imagescan.domain import jpeg_content, png_content
from imagescan.domain.byte_reader import ByteReader, NoCanonicalFormError


def content_hash(chunks: Iterable[bytes]) -> str | None:
    """Return the SHA-256 (hex) of the canonical form of the file, or None if it has none. Never raises for any bytes.

    Stop reading as soon as the result is known. An exception of the iterator is passed on.
    """
    reader = ByteReader(chunks)
    try:
        start = reader.read(len(jpeg_content.SIGNATURE))
        if start == jpeg_content.SIGNATURE:
            return jpeg_content.canonical_hash(reader)
        if png_content.SIGNATURE.startswith(start):
            return png_content.canonical_hash(reader, start)
    except NoCanonicalFormError:
        pass
    return None
