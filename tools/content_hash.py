"""Compute cache keys for builds."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tools import paths


def content_hash(sources: Iterable[Path], extra: str = "") -> str:
    """Hash the names and contents of the files, and any other input of the build."""
    digest = hashlib.sha256(extra.encode())
    for path in sources:
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(paths.ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
