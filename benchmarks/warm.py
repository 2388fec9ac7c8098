"""Row 7: the CPU of a warm handler, against the AWS calls that it makes."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from benchmarks.figure import Figure
from benchmarks.loopback import loopback_over_tls
from testing.resources import TEMPLATE
from tools import env, paths

FUNCTIONS = ("StatusFunction", "SubmitFunction", "ScannerFunction")


def measure() -> Iterator[Figure]:
    """For each handler that people wait for, in a process that does nothing else."""
    with loopback_over_tls() as (aws, trusted):
        for case, (own, bare) in _measured({"AWS_ENDPOINT_URL": aws, "AWS_CA_BUNDLE": str(trusted)}).items():
            yield Figure(7, f"{case}: CPU of a warm call", own * 1e6, bare * 1e6, 1.15, "µs")


def _measured(of_aws: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    variables = {name: value for function in FUNCTIONS for name, value in TEMPLATE.environment(function).items()}
    own = variables | {"PYTHONPATH": f"{paths.ROOT}/src", **of_aws}
    command = [sys.executable, "-m", "benchmarks.warm_calls"]
    told = subprocess.run(  # noqa: S603 - our own
        command, env=env.server_env(own), cwd=paths.ROOT, stdout=subprocess.PIPE, check=True
    )
    measured: dict[str, tuple[float, float]] = json.loads(told.stdout)
    return measured
