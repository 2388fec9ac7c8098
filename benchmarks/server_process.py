"""Run a server process for the duration of a benchmark."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.control import RekognitionControl
from local.ports import ANY_PORT, HOST
from tools import env, paths


@contextmanager
def server_process(command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[str]:
    """Start a server that prints its port as JSON when it is ready, yield its URL, and stop it at the end."""
    variables = env.server_env({"PYTHONPATH": f"{paths.ROOT}/src", **environment})
    with subprocess.Popen(command, env=variables, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - constant
        try:
            yield f"http://{HOST}:{json.loads(process.stdout.readline())['port']}"  # type: ignore[union-attr]  # a pipe
        finally:
            process.terminate()


@contextmanager
def rekognition(
    s3_endpoint: str, labels: Sequence[object], latency_ms: float
) -> Iterator[tuple[str, RekognitionControl]]:
    """Start the Rekognition emulator, and yield its URL and its controls.

    It returns ``labels``, and nothing for other features, after ``latency_ms`` and does not run its models.
    """
    command: list[str | Path] = ["node", paths.REKOGNITION_SERVER, "--port", str(ANY_PORT)]
    with server_process(command, {"S3_ENDPOINT": s3_endpoint}) as address:
        control = RekognitionControl(address)
        control.set_latency(latency_ms, labels, moderation_labels=[], text_detections=[])
        yield address, control
