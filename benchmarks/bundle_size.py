"""Benchmark ``bundle-size``.

Measures: the size of the zip that `sam package` uploads, in MB.
Baseline: none.
Target: at most 6 MB.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from benchmarks.measurement import Measurement
from tools import sam

MAX_MB = 6


def measure() -> Iterator[Measurement]:
    """Measure each built artifact. Functions with the same sources share one."""
    for artifact in sorted(path for path in sam.build().iterdir() if path.is_dir()):
        size = zipped_bytes(artifact) / 1e6
        yield Measurement("bundle-size", f"zip of {artifact.name}", size, None, MAX_MB, "MB")


def zipped_bytes(folder: Path) -> int:
    """Return the size of the folder as a deflated zip, in bytes, as `sam package` creates it."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return target.getbuffer().nbytes
