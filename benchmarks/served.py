"""Servers that live as long as a measurement."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.control import RekognitionControl
from local.ports import ANY_PORT, HOST
from tools import env, paths


@contextmanager
def served(command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a server that prints its port as JSON when it is ready; it is stopped in the end."""
    own = env.server_env({"PYTHONPATH": f"{paths.ROOT}/src", **environment})
    with subprocess.Popen(command, env=own, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            yield f"http://{HOST}:{json.loads(process.stdout.readline())['port']}"  # type: ignore[union-attr]  # it is a pipe
        finally:
            process.terminate()


@contextmanager
def rekognition(
    s3_endpoint: str, labels: Sequence[object], latency_ms: float
) -> Iterator[tuple[str, RekognitionControl]]:
    """The stand-in's address and controls; it answers with these labels after that time, without its model."""
    command: list[str | Path] = ["node", paths.REKOGNITION_SERVER, "--port", str(ANY_PORT)]
    with served(command, {"S3_ENDPOINT": s3_endpoint}) as address:
        control = RekognitionControl(address)
        control.set_latency(latency_ms, labels)
        yield address, control
