"""Fuzz the deployed API with Schemathesis and compare its responses with the OpenAPI description."""

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


def test_all_responses_match_the_description(stack: Stack, tmp_path: Path) -> None:
    command: list[str | Path] = [SCHEMATHESIS, "--config-file", CONFIG, "run", DESCRIPTION, "--url", stack.api_url]
    fuzzing = subprocess.run(  # noqa: S603 - fixed command
        [*command, "--max-time", str(SECONDS)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert fuzzing.returncode == 0, fuzzing.stdout + fuzzing.stderr
    assert f"Tested: {len(OPERATIONS)}" in fuzzing.stdout
