"""Hash files concurrently and print the peak memory of the process in bytes. Runs as a separate process."""

import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imagescan.domain.content_hash import content_hash

CHUNK_BYTES = 256 * 1024
STATUS = Path("/proc/self/status")


def main() -> None:
    """Hash each file in a thread of its own."""
    files = sys.argv[1:]
    with ThreadPoolExecutor(len(files)) as pool:
        hashes = list(pool.map(_hash, files))
    if None in hashes:
        raise RuntimeError(f"no content hash: {hashes}")
    print(_peak_bytes())


def _hash(file: str) -> str | None:
    return content_hash(_chunks(Path(file)))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _peak_bytes() -> int:
    """Return the peak memory. On Linux, ``ru_maxrss`` also counts that of the process that started this one."""
    if STATUS.exists():
        line = next(each for each in STATUS.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


if __name__ == "__main__":
    main()
