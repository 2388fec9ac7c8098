"""Add bytecode to the sources of built functions. Without bytecode, a cold start takes three times as long.

Usage: python -m tools.bytecode FOLDER
"""

import compileall
import re
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

# Functions do not import these modules. Their bytecode would only enlarge the deployment package.
_EXCLUDED = re.compile(r"/(pydantic/v1|aws_lambda_powertools/event_handler)/")


def compile_folder(folder: Path) -> None:
    """Compile every module in the folder for the running Python version.

    The bytecode is not validated against timestamps. All files in a deployment package are dated 1980, so Python would
    ignore bytecode with timestamps.
    """
    compileall.compile_dir(
        folder, quiet=2, rx=_EXCLUDED, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH, workers=0
    )


if __name__ == "__main__":
    compile_folder(Path(sys.argv[1]))
