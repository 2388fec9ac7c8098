"""Count the CPU instructions of a Python process with valgrind's cachegrind. The count is stable within 1%."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.env import EMULATOR_CREDENTIALS

_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


def count(program: str, arguments: Sequence[str], folders: Sequence[Path], variables: Mapping[str, str]) -> int:
    """Return the instructions of the program from start to exit, with modules from these folders only.

    No bytecode is written. Raise RuntimeError if valgrind is missing, CalledProcessError if the program fails.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is not installed. On Debian: apt-get install valgrind")
    with tempfile.NamedTemporaryFile() as log:
        tool = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", f"--log-file={log.name}"]
        python = [str(Path(sys.executable).resolve()), "-S", "-B", "-c", program, *arguments]
        own = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(map(str, folders))}
        subprocess.run([valgrind, *tool, *python], env={**EMULATOR_CREDENTIALS, **variables, **own}, check=True)  # noqa: S603 - constant
        return _instructions(Path(log.name).read_text())


def _instructions(log: str) -> int:
    counted = _COUNTED.search(log)
    if counted is None:
        raise RuntimeError(f"valgrind reported no count: {log}")
    return int(counted[1].replace(",", ""))
