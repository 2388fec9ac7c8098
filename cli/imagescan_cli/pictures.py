"""Pictures on the disk: found by what their first bytes say, known by the SHA-256 of all of them."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_LONGEST_SIGNATURE = max(map(len, _SIGNATURES))


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG or PNG file: its media type, the SHA-256 of its bytes in hexadecimal, and how many bytes they are."""

    path: Path
    type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """What paths hold: pictures, files that are none, and what could not be read."""

    pictures: list[Picture] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    unreadable: list[OSError] = field(default_factory=list)


def look_at(path: Path) -> Picture | None:
    """The picture in a file, or None when it is neither JPEG nor PNG. Raises OSError when it cannot be read."""
    if not path.is_file():  # a named pipe would be waited for, for ever
        return None
    with path.open("rb") as file:
        media_type = type_of(file.read(_LONGEST_SIGNATURE))
        if media_type is None:
            return None
        file.seek(0)
        return Picture(path, media_type, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def find(paths: Iterable[Path], look: Callable[[Path], Picture | None] = look_at) -> Found:
    """What is in the files among the paths and, at any depth, in the folders among them; each file once, in order."""
    found = Found()
    for file in dict.fromkeys(file for path in paths for file in _files_at(path, found.unreadable.append)):
        try:
            picture = look(file)
        except OSError as error:
            found.unreadable.append(error)
            continue
        if picture:
            found.pictures.append(picture)
        else:
            found.others.append(file)
    return found


def type_of(beginning: bytes) -> str | None:
    """The media type that a file's first bytes show, or None for any but JPEG and PNG."""
    return next((each for signature, each in _SIGNATURES.items() if beginning.startswith(signature)), None)


def by_content(pictures: Iterable[Picture]) -> Mapping[str, list[Picture]]:
    """The pictures by the SHA-256 of their bytes, so that copies are asked about once."""
    copies: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        copies[picture.sha256].append(picture)
    return copies


def _files_at(path: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, _, names in sorted(os.walk(path, onerror=unreadable)):
        yield from (Path(folder, name) for name in sorted(names))
