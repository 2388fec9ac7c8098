"""Folders that hold finished builds."""

import errno
import shutil
from pathlib import Path


def finish(draft: Path, output: Path) -> None:
    """Rename a complete build to its final name, so that an interrupted build is never used.

    If another process finished the same build first, keep that one and delete the draft.
    """
    try:
        draft.rename(output)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        shutil.rmtree(draft)
