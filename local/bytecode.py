"""Bytecode beside the sources of built functions, without which a cold start takes three times as long.

python -m local.bytecode FOLDER
"""

import compileall
import re
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

# Nothing that a function imports: their bytecode would only make what is deployed larger.
_LEFT_OUT = re.compile(r"/(pydantic/v1|aws_lambda_powertools/event_handler)/")


def compile_in(folder: Path) -> None:
    """Compiles every module under the folder, for the very Python that runs this.

    Bytecode that is checked by date would never be used: the dates in a deployed zip are all 1980.
    """
    compileall.compile_dir(
        folder, quiet=2, rx=_LEFT_OUT, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH, workers=0
    )


if __name__ == "__main__":
    compile_in(Path(sys.argv[1]))
