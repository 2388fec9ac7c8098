"""The exact benchmarks that run fast enough for every change: sizes, calls and instructions."""

import os
import shutil

import pytest

from benchmarks import bundle_size, call_counts, cold_start, scan_deduplication, three_features
from benchmarks.measurement import Measurement


def missed(measurements: list[Measurement]) -> list[Measurement]:
    assert measurements
    return [each for each in measurements if not each.passed]


def test_bundle_size_is_within_its_limit() -> None:
    assert missed(list(bundle_size.measure())) == []


def test_each_use_case_makes_exactly_the_expected_calls() -> None:
    assert missed(list(call_counts.measure(pending=(1, 10, 100)))) == []


def test_each_distinct_image_is_scanned_once_despite_duplicate_deliveries() -> None:
    assert missed(list(scan_deduplication.measure())) == []


def test_a_request_for_three_features_makes_exactly_the_expected_calls() -> None:
    assert missed(list(three_features.counts())) == []


def test_every_handler_has_a_cold_start_target() -> None:
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
        ("sweeper", ("dynamodb", "sqs")),
        ("purger", ("dynamodb", "s3")),
        ("scanner", ("dynamodb", "rekognition", "s3", "sqs")),
    ],
)
def test_cold_start_baseline_creates_exactly_the_clients_of_the_handler(handler: str, clients: tuple[str, ...]) -> None:
    assert cold_start.clients_of(handler) == clients


@pytest.mark.skipif(
    shutil.which("valgrind") is None and "CI" not in os.environ,
    reason="valgrind is not installed. It counts the instructions of a cold start. On Debian: apt-get install valgrind",
)
def test_cold_starts_stay_within_their_instruction_targets() -> None:
    assert missed(list(cold_start.quick())) == []
