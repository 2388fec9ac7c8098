"""Metrics of the functions: counts in a log line that CloudWatch reads as metrics (embedded metric format)."""

from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "ImageScan"

_metrics = cache(lambda: Metrics(namespace=NAMESPACE))


def count(counts: Mapping[str, int]) -> None:
    """Emit each count under its name in one line. Zero counts are left out."""
    nonzero = {name: value for name, value in counts.items() if value}
    if not nonzero:
        return
    for name, value in nonzero.items():
        _metrics().add_metric(name, MetricUnit.Count, value)
    _metrics().flush_metrics()
