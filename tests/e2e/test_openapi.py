"""The deployed API, asked whatever a client may think of, answers as its description says and never breaks."""

import subprocess
import sys
from pathlib import Path

from local.stack import Stack
from ops.openapi.operations import OPERATIONS
from tools import paths

SECONDS = 60
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
DESCRIPTION = paths.ROOT / "docs" / "openapi.json"


def test_no_answer_breaks_or_is_undocumented(stack: Stack, tmp_path: Path) -> None:
    command: list[str | Path] = [SCHEMATHESIS, "--config-file", CONFIG, "run", DESCRIPTION, "--url", stack.api_url]
    fuzzing = subprocess.run(  # noqa: S603 - our own arguments
        [*command, "--max-time", str(SECONDS)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert fuzzing.returncode == 0, fuzzing.stdout + fuzzing.stderr
    assert f"Tested: {len(OPERATIONS)}" in fuzzing.stdout
