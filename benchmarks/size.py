"""Row 3: how large what is deployed is."""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from benchmarks.figure import Figure
from tools import sam

MAX_MB = 6


def measure() -> Iterator[Figure]:
    """The zip that `sam package` makes of each artefact; functions of the same sources share one."""
    for artefact in sorted(path for path in sam.build().iterdir() if path.is_dir()):
        yield Figure(3, f"artefact {artefact.name}, zipped", zipped_bytes(artefact) / 1e6, None, MAX_MB, "MB")


def zipped_bytes(folder: Path) -> int:
    """Bytes of the folder's files, deflated as `sam package` does."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return target.getbuffer().nbytes
