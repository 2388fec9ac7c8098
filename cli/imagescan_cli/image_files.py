"""Image files on disk: which ones are found, their format by signature, and their identity by SHA-256."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from imagescan_cli.errors import ApiError

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_MAX_SIGNATURE_LENGTH = 64
_THUMBNAIL_FOLDERS = frozenset({"@eaDir"})  # Synology NAS


class SkipReason(StrEnum):
    """Why a file is not submitted."""

    HIDDEN = "hidden or thumbnails (--include-hidden submits them)"
    EXCLUDED = "excluded by --exclude"
    NOT_AN_IMAGE = "not JPEG, PNG, HEIC, WebP, AVIF or GIF"
    NOT_REGULAR = "broken links or special files"
    LINK = "links to directories"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file: path, media type, SHA-256 of the bytes to submit in hexadecimal, and their number.

    ``content`` is the file with these bytes if that is not ``path``, because the image was converted as ``conversion``
    states. The bytes of an image that ``is_cleaned`` are those of its file without metadata.
    """

    path: Path
    type: str
    sha256: str
    size: int
    content: Path | None = None
    conversion: str | None = None
    is_cleaned: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not submitted, or a directory with ``files`` of them."""

    path: Path
    reason: SkipReason
    files: int = 1


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that cannot be submitted."""

    path: Path
    error: ApiError


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Files below the given paths: images, skipped files, and those that cannot be submitted."""

    images: list[ImageFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a directory are submitted. ``exclude`` applies to files that are given by their path as well."""

    include_hidden: bool = False
    exclude: tuple[str, ...] = ()

    def reason_to_skip(self, relative: Path) -> SkipReason | None:
        """Return why a path, relative to the given directory, is skipped, or None."""
        if self.excludes(relative):
            return SkipReason.EXCLUDED
        is_hidden = relative.name.startswith(".") or relative.name in _THUMBNAIL_FOLDERS
        return SkipReason.HIDDEN if is_hidden and not self.include_hidden else None

    def excludes(self, path: Path) -> bool:
        """Return whether a glob matches: the name if the glob has no slash, otherwise the whole path."""
        globs = [glob.rstrip("/") for glob in self.exclude]
        return any(path.full_match(glob) if "/" in glob else fnmatchcase(path.name, glob) for glob in globs)


SELECT_VISIBLE = Selection()


def read_image_file(path: Path) -> ImageFile | None:
    """Return the image in a file, or None if it is not an image of a known format. Raise OSError if it is unreadable.

    A broken link is not an image, but a path that does not exist is unreadable.
    """
    if not path.is_file():  # reading a named pipe would block
        if not path.is_symlink():
            path.stat()
        return None
    with path.open("rb") as file:
        media_type = detect_type(file.read(_MAX_SIGNATURE_LENGTH))
        if media_type is None:
            return None
        file.seek(0)
        return ImageFile(path, media_type, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def find_images(
    paths: Iterable[Path],
    read: Callable[[Path], ImageFile | None] = read_image_file,
    selection: Selection = SELECT_VISIBLE,
) -> FoundFiles:
    """Return the files in paths, with directories searched recursively. Each file occurs once, in order.

    ``read`` returns the image in a file, or None if there is none. It raises OSError or ApiError if the image cannot be
    submitted.
    """
    found = FoundFiles()
    for file in dict.fromkeys(file for path in paths for file in _walk(path, selection, found)):
        try:
            image = read(file)
        except OSError as error:
            found.failed.append(_unreadable(file, error))
            continue
        except ApiError as error:
            found.failed.append(FailedFile(file, error))
            continue
        if image:
            found.images.append(image)
        else:
            found.skipped.append(Skipped(file, _reason_to_reject(file)))
    return found


def detect_type(prefix: bytes) -> str | None:
    """Return the media type for the first bytes of a file, or None if the format is not known."""
    if prefix[4:8] == b"ftyp":
        return _detect_heif(prefix)
    if prefix.startswith(b"RIFF") and prefix[8:12] == b"WEBP":
        return "image/webp"
    return next((each for signature, each in _SIGNATURES.items() if prefix.startswith(signature)), None)


def group_by_content(images: Iterable[ImageFile]) -> Mapping[str, list[ImageFile]]:
    """Group images by SHA-256, so that copies are submitted once."""
    copies: defaultdict[str, list[ImageFile]] = defaultdict(list)
    for image in images:
        copies[image.sha256].append(image)
    return copies


def split_paths(text: bytes) -> list[Path]:
    """Return the paths in a list with one path per line, or separated by NUL bytes as ``find -print0`` writes them."""
    separator = b"\0" if b"\0" in text else b"\n"
    return [Path(os.fsdecode(path)) for path in text.split(separator) if path]


def _detect_heif(prefix: bytes) -> str | None:
    """Return the media type for the brands in a file type box. AVIF files may list a HEIF brand as well."""
    box = prefix[: int.from_bytes(prefix[:4])]
    brands = {box[start : start + 4] for start in (8, *range(16, len(box), 4))}
    if brands & _AVIF_BRANDS:
        return "image/avif"
    return "image/heic" if brands & _HEIC_BRANDS else None


def _walk(path: Path, selection: Selection, found: FoundFiles) -> Iterator[Path]:
    """Yield the files in a path that are selected, and add the others to ``found``."""
    if not path.is_dir():
        if selection.excludes(path):
            found.skipped.append(Skipped(path, SkipReason.EXCLUDED))
        else:
            yield path
        return
    for directory, folders, names in path.walk(
        on_error=lambda error: found.failed.append(_unreadable(Path(error.filename), error))
    ):
        for name in sorted(folders):
            reason = selection.reason_to_skip((directory / name).relative_to(path))
            if reason:
                folders.remove(name)
                found.skipped.extend(_skipped_folder(directory / name, reason))
        folders.sort()
        for name in sorted(names):
            file = directory / name
            reason = selection.reason_to_skip(file.relative_to(path))
            if reason:
                found.skipped.append(Skipped(file, reason))
            else:
                yield file


def _unreadable(path: Path, error: OSError) -> FailedFile:
    return FailedFile(path, ApiError("unreadable", f"Cannot read file: {error.strerror}."))


def _reason_to_reject(file: Path) -> SkipReason:
    if file.is_dir():
        return SkipReason.LINK
    return SkipReason.NOT_AN_IMAGE if file.is_file() else SkipReason.NOT_REGULAR


def _skipped_folder(folder: Path, reason: SkipReason) -> Iterator[Skipped]:
    """Yield a directory with the number of its files, unless it is empty."""
    files = sum(len(names) for _, _, names in folder.walk())
    if files:
        yield Skipped(folder, reason, files)
