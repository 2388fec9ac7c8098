"""Test the scanner's metrics as CloudWatch reads them from the log."""

import json
import logging
from functools import cache
from io import StringIO
from typing import Any

import pytest

from imagescan.domain.feature import Feature
from imagescan.domain.scan_message import ScanMessage
from imagescan.runtime import metrics
from imagescan.runtime.log import logger
from imagescan.runtime.scan_telemetry import _METRICS, emit_metrics, log_outcomes
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind

MESSAGE = ScanMessage("m", "receipt", 1)
MALFORMED = ScanMessage("m", "receipt", 1, error="not JSON")


def result(*outcomes: Outcome) -> MessageResult:
    return MessageResult(MESSAGE, outcomes)


def emitted(capsys: pytest.CaptureFixture[str], *results: MessageResult) -> dict[str, Any]:
    """Return the metrics of a batch by name. The format has each value as a list of one number."""
    emit_metrics(results)
    printed = json.loads(capsys.readouterr().out or "{}")
    metrics = [each for block in printed.get("_aws", {}).get("CloudWatchMetrics", []) for each in block["Metrics"]]
    return {each["Name"]: sum(printed[each["Name"]]) for each in metrics}


def test_each_kind_of_outcome_has_its_own_metric(capsys: pytest.CaptureFixture[str]) -> None:
    batch = [
        result(Outcome("a", OutcomeKind.SCANNED, settled=3)),
        result(Outcome("b", OutcomeKind.SCANNED, settled=1), Outcome("c", OutcomeKind.HASH_MISMATCH)),
        result(Outcome("d", OutcomeKind.DUPLICATE)),
    ]
    assert emitted(capsys, *batch) == {"Scanned": 2, "HashMismatch": 1, "Duplicate": 1, "Settled": 4}


def test_no_two_kinds_of_outcome_share_a_metric() -> None:
    assert set(_METRICS) == set(OutcomeKind)
    assert len(set(_METRICS.values())) == len(OutcomeKind)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (OutcomeKind.CONFIGURATION_ERROR, "ConfigurationErrors"),
        (OutcomeKind.UNEXPECTED_ERROR, "UnexpectedErrors"),
        (OutcomeKind.EXHAUSTED, "Exhausted"),
    ],
)
def test_outcomes_that_need_an_operator_are_operator_alerts(
    capsys: pytest.CaptureFixture[str], kind: OutcomeKind, metric: str
) -> None:
    assert emitted(capsys, result(Outcome("a", kind))) == {metric: 1, "OperatorAlerts": 1}


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in OutcomeKind
        if kind not in {OutcomeKind.CONFIGURATION_ERROR, OutcomeKind.UNEXPECTED_ERROR, OutcomeKind.EXHAUSTED}
    ],
)
def test_other_outcomes_are_no_operator_alerts(capsys: pytest.CaptureFixture[str], kind: OutcomeKind) -> None:
    assert emitted(capsys, result(Outcome("a", kind))) == {_METRICS[kind]: 1}


def test_a_malformed_message_is_an_operator_alert(capsys: pytest.CaptureFixture[str]) -> None:
    assert emitted(capsys, MessageResult(MALFORMED)) == {"MalformedMessages": 1, "OperatorAlerts": 1}


def test_an_image_in_two_messages_of_a_batch_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("a", OutcomeKind.SCANNED, settled=1)
    assert emitted(capsys, result(outcome), result(outcome)) == {"Scanned": 1, "Settled": 1}


def test_a_batch_without_images_emits_no_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    assert emitted(capsys, result()) == {}


def test_each_batch_emits_only_its_own_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert emitted(capsys, result(Outcome("a", OutcomeKind.SCANNED))) == {"Scanned": 1}
    assert emitted(capsys, result(Outcome("b", OutcomeKind.DUPLICATE))) == {"Duplicate": 1}


def test_metrics_have_the_stack_as_their_only_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "imagescan-staging")
    monkeypatch.setattr(metrics, "_metrics", cache(metrics._metrics.__wrapped__))  # noqa: SLF001 - a new instance reads the variable
    emit_metrics([result(Outcome("a", OutcomeKind.SCANNED))])
    printed = json.loads(capsys.readouterr().out)
    [block] = printed["_aws"]["CloudWatchMetrics"]
    assert (block["Namespace"], block["Dimensions"]) == ("ImageScan", [["service"]])
    assert printed["service"] == "imagescan-staging"


def test_the_features_of_an_image_are_counted_together_and_those_other_than_labels_on_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    batch = [
        result(*(Outcome("a", OutcomeKind.SCANNED, feature=feature) for feature in Feature)),
        result(
            Outcome("b", OutcomeKind.REJECTED_IMAGE, feature=Feature.LABELS),
            Outcome("b", OutcomeKind.REJECTED_IMAGE, feature=Feature.TEXT),
            Outcome("c", OutcomeKind.TRANSIENT_ERROR, feature=Feature.MODERATION),
            Outcome("c", OutcomeKind.DEFERRED, feature=Feature.TEXT),
        ),
    ]
    assert emitted(capsys, *batch) == {
        "Scanned": 3,
        "ScannedModeration": 1,
        "ScannedText": 1,
        "RejectedImages": 2,
        "RejectedImagesText": 1,
        "TransientErrors": 1,
        "TransientErrorsModeration": 1,
        "Deferred": 1,
    }


def test_each_line_of_the_log_names_its_feature() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logging.getLogger(logger.name).addHandler(handler)
    scanned = Outcome("a", OutcomeKind.SCANNED, feature=Feature.LABELS)
    leased = Outcome("a", OutcomeKind.LEASED, feature=Feature.TEXT)
    log_outcomes([result(scanned, leased)])
    logging.getLogger(logger.name).removeHandler(handler)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["message"], line["feature"], line["level"]) for line in lines] == [
        ("scanned", "labels", "INFO"),
        ("leased", "text", "WARNING"),
    ]
