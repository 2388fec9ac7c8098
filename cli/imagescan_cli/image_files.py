"""Image files on disk: type detection by signature and identity by SHA-256."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_MAX_SIGNATURE_LENGTH = max(map(len, _SIGNATURES))


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A JPEG or PNG file: path, media type, SHA-256 of its bytes in hexadecimal, and size in bytes."""

    path: Path
    type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Files below the given paths: images, files of other types, and errors of unreadable ones."""

    images: list[ImageFile] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    unreadable: list[OSError] = field(default_factory=list)


def read_image_file(path: Path) -> ImageFile | None:
    """Return the image in a file, or None if it is neither JPEG nor PNG. Raise OSError if it cannot be read."""
    if not path.is_file():  # reading a named pipe would block
        return None
    with path.open("rb") as file:
        media_type = detect_type(file.read(_MAX_SIGNATURE_LENGTH))
        if media_type is None:
            return None
        file.seek(0)
        return ImageFile(path, media_type, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def find_images(paths: Iterable[Path], read: Callable[[Path], ImageFile | None] = read_image_file) -> FoundFiles:
    """Return the files in paths, with directories searched recursively. Each file occurs once, in order."""
    found = FoundFiles()
    for file in dict.fromkeys(file for path in paths for file in _walk(path, found.unreadable.append)):
        try:
            image = read(file)
        except OSError as error:
            found.unreadable.append(error)
            continue
        if image:
            found.images.append(image)
        else:
            found.skipped.append(file)
    return found


def detect_type(prefix: bytes) -> str | None:
    """Return the media type for the first bytes of a file, or None if it is neither JPEG nor PNG."""
    return next((each for signature, each in _SIGNATURES.items() if prefix.startswith(signature)), None)


def group_by_content(images: Iterable[ImageFile]) -> Mapping[str, list[ImageFile]]:
    """Group images by SHA-256, so that copies are submitted once."""
    copies: defaultdict[str, list[ImageFile]] = defaultdict(list)
    for image in images:
        copies[image.sha256].append(image)
    return copies


def _walk(path: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for directory, _, names in sorted(os.walk(path, onerror=on_error)):
        yield from (Path(directory, name) for name in sorted(names))
