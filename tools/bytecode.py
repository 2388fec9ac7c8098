"""Add bytecode to the sources of built functions. Without bytecode, a cold start takes three times as long.

Usage: python -m tools.bytecode FOLDER
"""

import compileall
import re
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

LAMBDA_TASK_ROOT = "/var/task"

# Functions do not import these modules. Their bytecode would only enlarge the deployment package.
_EXCLUDED = re.compile(r"/(pydantic/v1|aws_lambda_powertools/event_handler)/")


def compile_folder(folder: Path) -> None:
    """Compile every module of every function in the folder for the running Python version.

    The bytecode is not validated against timestamps. All files in a deployment package are dated 1980, so Python would
    ignore bytecode with timestamps. It contains the path of its source on Lambda and not in the build folder. Otherwise
    every build in another folder would be a change of every function.
    """
    for function in sorted(path for path in folder.iterdir() if path.is_dir()):
        _remove_scripts(function)
        compileall.compile_dir(
            function,
            quiet=2,
            rx=_EXCLUDED,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            workers=0,
            stripdir=function,
            prependdir=LAMBDA_TASK_ROOT,
        )


def _remove_scripts(function: Path) -> None:
    """Remove command-line scripts of libraries. Their first line contains the path of the Python that built them."""
    shutil.rmtree(function / "bin", ignore_errors=True)
    for record in function.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith("bin/")))


if __name__ == "__main__":
    compile_folder(Path(sys.argv[1]))
