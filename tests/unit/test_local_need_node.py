"""The tools of the web page run on some versions of Node; on others, make says so before npm fails."""

import os
import subprocess
from pathlib import Path

import pytest

from local import paths


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node that comes first on the path; a test writes what it does."""
    node = tmp_path / "node"
    node.touch(0o755)
    return node


def need(node: Path) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(paths.ROOT / "local" / "need-node")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.12.0", "v24.0.0", "v26.1.0"])
def test_a_node_that_the_tools_support_is_passed_over_in_silence(node: Path, version: str) -> None:
    node.write_text(f"#!/bin/sh\necho {version}\n")
    done = need(node)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.3", "v21.7.3", "v22.11.0", "v23.11.1"])
def test_another_node_is_named_with_what_to_do(node: Path, version: str) -> None:
    node.write_text(f"#!/bin/sh\necho {version}\n")
    done = need(node)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Node 20.19, 22.12, 24 or newer is needed, {version} was found: install it from ")


def test_a_node_that_does_not_run_counts_as_none(node: Path) -> None:
    node.write_text("#!/bin/sh\nexit 127\n")
    done = need(node)
    assert (done.returncode, "none was found" in done.stderr) == (1, True)
