"""Counts the instructions of a Python process with valgrind's cachegrind, which repeats within 1 % on any machine."""

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
    """Instructions of the program from the interpreter's start to its end, with modules from these folders only.

    No bytecode is written. Raises RuntimeError when valgrind is missing or the program fails.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is missing: install it, on Debian by apt-get install valgrind")
    with tempfile.NamedTemporaryFile() as log:
        tool = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", f"--log-file={log.name}"]
        python = [str(Path(sys.executable).resolve()), "-S", "-B", "-c", program, *arguments]
        own = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(map(str, folders))}
        subprocess.run([valgrind, *tool, *python], env={**EMULATOR_CREDENTIALS, **variables, **own}, check=True)  # noqa: S603 - our own
        return _instructions(Path(log.name).read_text())


def _instructions(log: str) -> int:
    counted = _COUNTED.search(log)
    if counted is None:
        raise RuntimeError(f"valgrind counted nothing: {log}")
    return int(counted[1].replace(",", ""))
