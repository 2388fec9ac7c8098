"""The figures of `make bench` that are counts, as far as they are quick: they are held at every change."""

import os
import shutil

import pytest

from benchmarks import calls, cold_start, detections, size
from benchmarks.figure import Figure


def missed(figures: list[Figure]) -> list[Figure]:
    assert figures
    return [each for each in figures if not each.met]


def test_what_is_deployed_is_small() -> None:
    assert missed(list(size.measure())) == []


def test_each_use_case_takes_just_the_calls_that_it_needs() -> None:
    assert missed(list(calls.measure(waiting=(1, 10, 100)))) == []


def test_each_distinct_image_is_looked_at_once_whatever_comes_twice() -> None:
    assert missed(list(detections.measure())) == []


def test_every_handler_has_a_target_for_its_cold_start() -> None:
    assert cold_start.deployed() == set(cold_start.TARGETS)


@pytest.mark.parametrize(
    ("handler", "clients"),
    [
        ("status", ("dynamodb",)),
        ("list_requests", ("dynamodb",)),
        ("delete", ("dynamodb",)),
        ("stats", ("dynamodb",)),
        ("ask_follow_up", ("dynamodb",)),
        ("event_publisher", ("dynamodb", "events")),
        ("submit", ("dynamodb", "s3")),
        ("sweeper", ("dynamodb", "s3", "sqs")),
        ("scanner", ("dynamodb", "rekognition", "s3", "sqs")),
    ],
)
def test_a_cold_start_is_judged_by_boto3_with_just_the_clients_of_the_handler_and_of_what_it_imports(
    handler: str, clients: tuple[str, ...]
) -> None:
    assert cold_start.clients_of(handler) == clients


@pytest.mark.skipif(
    shutil.which("valgrind") is None and "CI" not in os.environ,
    reason="valgrind is missing, which counts a cold start's instructions: apt-get install valgrind",
)
def test_cold_starts_take_few_instructions() -> None:
    assert missed(list(cold_start.quick())) == []
