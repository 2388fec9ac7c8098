"""Test that unsupported versions of Node are reported before npm fails."""

import os
import subprocess
from pathlib import Path

import pytest

from tools import paths


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Return a fake `node` at the start of the PATH. A test writes its script."""
    node = tmp_path / "node"
    node.touch(0o755)
    return node


def check_node(node: Path) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(paths.ROOT / "scripts" / "check-node.sh")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.12.0", "v24.0.0", "v26.1.0"])
def test_a_supported_version_prints_nothing(node: Path, version: str) -> None:
    node.write_text(f"#!/bin/sh\necho {version}\n")
    completed = check_node(node)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.3", "v21.7.3", "v22.11.0", "v23.11.1"])
def test_an_unsupported_version_is_reported_with_an_instruction(node: Path, version: str) -> None:
    node.write_text(f"#!/bin/sh\necho {version}\n")
    completed = check_node(node)
    assert completed.returncode == 1
    assert completed.stderr.startswith(
        f"Node 20.19, 22.12, 24 or newer is required, found: {version}. Install it from "
    )


def test_a_node_that_cannot_run_counts_as_missing(node: Path) -> None:
    node.write_text("#!/bin/sh\nexit 127\n")
    completed = check_node(node)
    assert (completed.returncode, "found: none" in completed.stderr) == (1, True)
