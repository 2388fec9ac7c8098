"""Identifies the content of an image file: a hash of the parts that decoders need to produce its pixels.

docs/same-image.md defines the canonical form. A file has none if decoders could interpret it differently.
"""

from collections.abc import Iterable

from imagescan.domain.byte_reader import ByteReader, NoCanonicalFormError

_JPEG_SIGNATURE = b"\xff\xd8"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def content_hash(chunks: Iterable[bytes]) -> str | None:
    """Return the SHA-256 (hex) of the canonical form of the file, or None if it has none. Never raises for any bytes.

    Stop reading as soon as the result is known. An exception of the iterator is passed on.
    """
    reader = ByteReader(chunks)
    try:
        start = reader.read(len(_JPEG_SIGNATURE))
        if start == _JPEG_SIGNATURE:
            from imagescan.domain.jpeg_content import JpegContent  # noqa: PLC0415 - shortens cold starts

            return JpegContent(reader).hash()
        if start == _PNG_SIGNATURE[:2] and reader.read(len(_PNG_SIGNATURE) - 2) == _PNG_SIGNATURE[2:]:
            from imagescan.domain.png_content import PngContent  # noqa: PLC0415 - most images are JPEGs

            return PngContent(reader).hash()
    except NoCanonicalFormError:
        pass
    return None
