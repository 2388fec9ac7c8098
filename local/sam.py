"""What `sam build` makes of the sources, kept by their hash, and `sam deploy` of that."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from local import bytecode, environments, paths
from local.fingerprint import fingerprint
from local.say import Trouble

STACK_NAME = "imagescan"
BUILDS_KEPT = 3
# Nothing listens there: a command that needs no AWS must not reach any.
NOWHERE = "http://127.0.0.1:1"


def architecture() -> str:
    """The machine's own, because local handlers run on the machine: arm64 or x86_64."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def build() -> Path:
    """The folder that holds the built template and functions; made only when the sources are new."""
    made = paths.BUILDS / fingerprint(_sources(), architecture())
    if not made.exists():
        _build_into(made)
    made.touch()
    _forget_old_builds()
    return made


def deploy(built: Path, aws_endpoint: str, parameters: Mapping[str, str], stack_name: str = STACK_NAME) -> None:
    """Puts a build on the emulator at that address."""
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    settings = [
        "--config-env",
        "local",
        "--config-file",
        str(paths.ROOT / "samconfig.toml"),
        "--stack-name",
        stack_name,
    ]
    template = ["--template-file", str(built / "template.yaml"), "--parameter-overrides", *overrides]
    _sam(["deploy", *settings, *template], aws_endpoint)


def validate() -> None:
    """Checks the template as `sam validate --lint` does."""
    _sam(["validate", "--lint", "--template-file", str(paths.ROOT / "template.yaml"), "--region", environments.REGION])


def _sources() -> Iterator[Path]:
    yield paths.ROOT / "template.yaml"
    yield paths.ROOT / "samconfig.toml"
    yield from sorted(p for p in (paths.ROOT / "src").rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _build_into(made: Path) -> None:
    # Renamed when whole, so that a build cut short is never taken for one.
    draft = made.with_name(f"{made.name}.{os.getpid()}.draft")
    template = ["--template-file", str(paths.ROOT / "template.yaml")]
    parameters = ["--parameter-overrides", f"Architecture={architecture()}"]
    _sam(["build", "--beta-features", *template, "--build-dir", str(draft), *parameters])
    bytecode.compile_in(draft)
    if made.exists():
        shutil.rmtree(draft)
    else:
        draft.rename(made)


def _forget_old_builds() -> None:
    # Another command may be tidying at the same time.
    with suppress(FileNotFoundError):
        builds = sorted(paths.BUILDS.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in builds[BUILDS_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _sam(arguments: list[str], aws_endpoint: str = NOWHERE) -> None:
    own = {
        "PATH": f"{paths.UV_FOLDER}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.3",
    }
    command = [str(paths.SAM_PYTHON), "-m", "samcli", *arguments]
    done = subprocess.run(
        command,
        env=environments.for_tool(aws_endpoint, own),
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"{done.stdout}\nsam {arguments[0]} failed; what it said is above.")
