"""What a build is kept by."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from local import paths


def fingerprint(sources: Iterable[Path], besides: str = "") -> str:
    """A hash of the files' names, of what is in them, and of what a build depends on besides."""
    digest = hashlib.sha256(besides.encode())
    for path in sources:
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(paths.ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
