"""Benchmark ``warm-overhead``.

Measures: the CPU time of a warm handler (status, submit, scanner), median of 200.
Baseline: the CPU time of the AWS calls that it makes, with boto3 clients in their default configuration.
Target: a ratio of at most 1.15, and of at most 1.25 for the submission of a known image.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from benchmarks.loopback import loopback_over_tls
from benchmarks.measurement import Measurement
from testing.resources import TEMPLATE
from tools import env, paths

FUNCTIONS = ("StatusFunction", "SubmitFunction", "ScannerFunction")


def measure() -> Iterator[Measurement]:
    """Measure the handlers that callers wait for, in a separate process."""
    with loopback_over_tls() as (aws, trusted):
        for case, (own, bare) in _measured({"AWS_ENDPOINT_URL": aws, "AWS_CA_BUNDLE": str(trusted)}).items():
            target = 1.25 if case == "submit, known image" else 1.15
            yield Measurement("warm-overhead", f"CPU time, {case}", own * 1e6, bare * 1e6, target, "µs")


def _measured(aws_variables: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    variables = {name: value for function in FUNCTIONS for name, value in TEMPLATE.environment(function).items()}
    environment = variables | {"PYTHONPATH": f"{paths.ROOT}/src", **aws_variables}
    command = [sys.executable, "-m", "benchmarks.warm_calls"]
    finished = subprocess.run(  # noqa: S603 - constant
        command, env=env.server_env(environment), cwd=paths.ROOT, stdout=subprocess.PIPE, check=True
    )
    measured: dict[str, tuple[float, float]] = json.loads(finished.stdout)
    return measured
