"""Check that a build contains libraries for the architecture and the Python version of the functions."""

import re
from pathlib import Path

from tools.console import CommandError

_ELF_MACHINES = {"x86_64": 62, "arm64": 183}


def check_libraries(folder: Path, architecture: str, runtime: str) -> None:
    """Raise CommandError if a compiled library in the folder was built for another architecture or Python version.

    Lambda would deploy such a package without an error, and every invocation would fail.
    """
    libraries = sorted(folder.rglob("*.so"))
    if not libraries:
        raise CommandError(f"{folder} contains no compiled libraries. Run `sam build` first.")
    wrong = [path for path in libraries if not (_is_for(path, architecture) and _has_version(path, runtime))]
    if wrong:
        raise CommandError(
            f"The build does not match Architecture={architecture} and Runtime={runtime}: "
            f"{wrong[0].relative_to(folder)} and {len(wrong) - 1} more. Set both parameters "
            "in the section [ENV.global.parameters] of samconfig.toml, "
            "which `sam build` reads as well, and build again."
        )


def _is_for(library: Path, architecture: str) -> bool:
    with library.open("rb") as file:
        header = file.read(20)
    return header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") == _ELF_MACHINES[architecture]


def _has_version(library: Path, runtime: str) -> bool:
    """Return whether the file name fits the runtime. Libraries with the stable ABI fit every version."""
    version = re.search(r"\.cpython-(\d+)-", library.name)
    return version is None or version[1] == runtime.removeprefix("python").replace(".", "")
