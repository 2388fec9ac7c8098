"""Conversion of images that the service does not accept: other formats, too many bytes, or too many pixels."""

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from imagescan_cli.errors import ApiError
from imagescan_cli.image_files import ImageFile

MAX_BYTES = 15 * 1024 * 1024  # limits of the API
MIN_SIDE, MAX_SIDE = 80, 10_000
# Decoding takes up to 4 bytes per pixel.
MAX_PIXELS = 300_000_000
JPEG_QUALITY = 90
THUMBNAIL_SIDE = 480
_SHRINK_FACTOR = 0.8

# Importing these modules registers their formats. No other decoder of Pillow is ever used.
_PLUGINS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
_FORMATS = {
    "image/avif": "AVIF",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
}
_NAMES = _FORMATS | {"image/heic": "HEIC", "image/webp": "WebP"}
_ACCEPTED = frozenset({"image/jpeg", "image/png"})

# Pillow rejects images above this number of pixels. This module checks MAX_PIXELS instead.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The image to submit, and a small JPEG of it if requested and possible."""

    image: ImageFile
    thumbnail: bytes | None = None


def planned_conversion(image: ImageFile) -> str | None:
    """Return how an image would be converted, or None if the service accepts it."""
    if image.type not in _ACCEPTED:
        return f"{_NAMES[image.type]} to JPEG"
    if image.size > MAX_BYTES:
        return f"{image.size:,} bytes are more than {MAX_BYTES:,}"
    sides = _sides(image)
    if sides and max(sides) > MAX_SIDE:
        return f"{_format_sides(sides)} pixels are more than {MAX_SIDE:,} per side"
    return None


def convert(image: ImageFile, folder: Path, *, with_thumbnail: bool) -> Prepared:
    """Return a JPEG copy of an image in ``folder`` that the service accepts.

    The copy is upright and has no metadata except the colour profile. The same file results in the same bytes, so a
    repeated run finds its requests. Raise ApiError if the image cannot be converted.
    """
    try:
        with _open(image) as source:
            original, frames = source.size, getattr(source, "n_frames", 1)
            source.draft("RGB", (MAX_SIDE, MAX_SIDE))  # decodes large JPEG images at a fraction of their size
            upright = _upright_rgb(source)
    except ApiError:
        raise
    except Exception as error:  # decoders raise many types
        if isinstance(error, OSError) and error.errno:  # an error of the operating system, not of a decoder
            raise ApiError("unreadable", f"Cannot read file: {error.strerror}.") from error
        message = f"Cannot convert this {_NAMES[image.type]} image, because it cannot be read. It may be corrupt."
        raise ApiError("conversion_failed", message) from error
    content, sides = _encode_within_limits(upright)
    copy = folder / f"{image.sha256}.jpg"
    try:
        copy.write_bytes(content)
    except OSError as error:
        message = f"Cannot write the converted image to {folder}: {error.strerror}."
        raise ApiError("conversion_failed", message) from error
    text = _description(image, original, sides, frames)
    sent = replace(image, type="image/jpeg", sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    small = _shrink(upright) if with_thumbnail else None
    return Prepared(replace(sent, content=copy, conversion=text), small)


def thumbnail(image: ImageFile) -> bytes | None:
    """Return a small JPEG of an image that was not converted, or None if it cannot be decoded.

    Rekognition applies the EXIF orientation of JPEG images only, so boxes fit only if that of PNG images is ignored.
    """
    try:
        with _open(image) as source:
            source.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            return _shrink(_upright_rgb(source) if image.type == "image/jpeg" else _rgb(source))
    except Exception:  # noqa: BLE001 - decoders raise many types, and the result of the image matters more
        return None


def require_decoder(image: ImageFile) -> None:
    """Raise ApiError if the format of an image needs a package that is not installed."""
    if image.type == "image/heic":
        _register_heic()


def _open(image: ImageFile) -> Image.Image:
    require_decoder(image)
    source = Image.open(image.path, formats=[_FORMATS[image.type]])
    if source.width * source.height > MAX_PIXELS:
        size = f"{source.width * source.height:,} pixels"
        source.close()
        raise ApiError("conversion_failed", f"Cannot convert an image with {size}. The maximum is {MAX_PIXELS:,}.")
    return source


@cache
def _register_heic() -> None:
    try:
        # Imported on demand, because it is optional.
        from pi_heif import register_heif_opener  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError as error:
        message = "HEIC images require the package pi-heif: install './cli[heic]' instead of './cli'."
        raise ApiError("conversion_unavailable", message) from error
    register_heif_opener()


def _sides(image: ImageFile) -> tuple[int, int] | None:
    """Return width and height, or None if the header cannot be read. The service reports such images."""
    try:
        with Image.open(image.path, formats=[_FORMATS[image.type]]) as source:
            return source.size
    except Exception:  # noqa: BLE001 - decoders raise many types
        return None


def _upright_rgb(source: Image.Image) -> Image.Image:
    return _rgb(ImageOps.exif_transpose(source))


def _rgb(image: Image.Image) -> Image.Image:
    """Return an image in RGB: transparent pixels on white, 16-bit greyscale scaled, with the RGB colour profile."""
    profile = image.info.get("icc_profile") if image.mode.startswith(("RGB", "P")) else None
    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba)
    rgb = image.convert("RGB")
    rgb.info = {"icc_profile": profile} if profile else {}
    return rgb


def _encode_within_limits(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
    """Return the JPEG bytes of an image and its sides, scaled down as little as necessary."""
    scale = min(1, MAX_SIDE / max(image.size))
    while True:
        sides = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        if scale < 1 and min(sides) < MIN_SIDE <= min(image.size):
            raise ApiError(
                "conversion_failed",
                f"Cannot scale an image of {_format_sides(image.size)} pixels: the short side would have fewer than "
                f"{MIN_SIDE} pixels.",
            )
        content = _jpeg(image if scale == 1 else image.resize(sides, Image.Resampling.LANCZOS))
        if len(content) <= MAX_BYTES:
            return content, sides
        scale *= _SHRINK_FACTOR


def _shrink(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _jpeg(small)


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()


def _description(image: ImageFile, original: tuple[int, int], sides: tuple[int, int], frames: int) -> str:
    """Return the conversion in words. An upright copy may have its sides swapped, which is not a change of size."""
    name = _NAMES[image.type]
    parts = ["JPEG compressed again" if name == "JPEG" else f"{name} converted to JPEG"]
    if frames > 1 and name != "JPEG":
        parts.append(f"only 1 of {frames} frames")
    if sorted(sides) != sorted(original):
        parts.append(f"scaled from {_format_sides(original)} to {_format_sides(sides)} pixels")
    return ", ".join(parts)


def _format_sides(sides: tuple[int, int]) -> str:
    return f"{sides[0]:,} x {sides[1]:,}"
