"""The functions' metrics: counts in a log line that CloudWatch reads as metrics (embedded metric format)."""

from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "ImageScan"

of_the_stack = cache(lambda: Metrics(namespace=NAMESPACE))


def count(numbers: Mapping[str, int]) -> None:
    """Counts each by its name, in one line; what is nought is left out."""
    counted = {name: number for name, number in numbers.items() if number}
    if not counted:
        return
    for name, number in counted.items():
        of_the_stack().add_metric(name, MetricUnit.Count, number)
    of_the_stack().flush_metrics()
