"""Run `sam build`, `sam deploy` and `sam validate`. Builds are cached by the hash of their sources."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tools import builds, bytecode, paths
from tools.console import CommandError
from tools.content_hash import content_hash
from tools.env import REGION, tool_env

STACK_NAME = "imagescan"
MAX_BUILDS = 3
PREFIX_LENGTH = 16
# Nothing listens on this port, so a command that does not need AWS cannot reach it by mistake.
UNREACHABLE_ENDPOINT = "http://127.0.0.1:1"


def architecture() -> str:
    """Return the architecture of this machine, arm64 or x86_64, because local handlers run on the machine itself."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def build() -> Path:
    """Return the folder with the built template and functions. Build only if the sources changed."""
    output = paths.BUILDS / content_hash(_sources(), architecture())
    if not output.exists():
        _build_into(output)
    output.touch()
    _remove_old_builds()
    return output


def deploy(built: Path, aws_endpoint: str, parameters: Mapping[str, str], stack_name: str = STACK_NAME) -> None:
    """Deploy a build to the emulator at the endpoint. Changed code or parameters publish new versions of all functions.

    The aliases of the functions point to published versions. The emulator ignores the value of the parameter `Release`,
    but it publishes versions if the code has another key, so the prefix of the keys depends on the parameters.
    """
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    settings = [
        "--config-env",
        "local",
        "--config-file",
        str(paths.ROOT / "samconfig.toml"),
        "--stack-name",
        stack_name,
        "--s3-prefix",
        code_prefix(parameters),
    ]
    template = ["--template-file", str(built / "template.yaml"), "--parameter-overrides", *overrides]
    _sam(["deploy", *settings, *template], aws_endpoint)


def code_prefix(parameters: Mapping[str, str]) -> str:
    """Return a prefix for the keys of the code that differs for different parameters."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()[:PREFIX_LENGTH]


def validate() -> None:
    """Run `sam validate --lint` on the template."""
    _sam(["validate", "--lint", "--template-file", str(paths.ROOT / "template.yaml"), "--region", REGION])


def _sources() -> Iterator[Path]:
    yield paths.ROOT / "template.yaml"
    yield paths.ROOT / "samconfig.toml"
    yield paths.ROOT / "tools" / "bytecode.py"  # it changes what a build contains
    yield from sorted(p for p in (paths.ROOT / "src").rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _build_into(output: Path) -> None:
    draft = output.with_name(f"{output.name}.{os.getpid()}.draft")
    template = ["--template-file", str(paths.ROOT / "template.yaml")]
    parameters = ["--parameter-overrides", f"Architecture={architecture()}"]
    _sam(["build", "--beta-features", *template, "--build-dir", str(draft), *parameters])
    bytecode.compile_folder(draft)
    builds.finish(draft, output)


def _remove_old_builds() -> None:
    # Another command may remove builds at the same time.
    with suppress(FileNotFoundError):
        existing = sorted(paths.BUILDS.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in existing[MAX_BUILDS:]:
            shutil.rmtree(old, ignore_errors=True)


def _sam(arguments: list[str], aws_endpoint: str = UNREACHABLE_ENDPOINT) -> None:
    extra = {
        "PATH": f"{paths.UV_BIN}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.3",
    }
    command = [str(paths.SAM_PYTHON), "-m", "samcli", *arguments]
    completed = subprocess.run(
        command,
        env=tool_env(aws_endpoint, extra),
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise CommandError(f"{completed.stdout}\n`sam {arguments[0]}` failed. See its output above.")
