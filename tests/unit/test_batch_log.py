"""What the scanner counts, as CloudWatch reads it from the log."""

import json
from functools import cache
from typing import Any

import pytest

from imagescan.domain.scan_message import ScanMessage
from imagescan.runtime import metrics
from imagescan.runtime.scan_telemetry import emit_metrics
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind

MESSAGE = ScanMessage("m", "receipt", "", 1)


def judged(*outcomes: Outcome) -> MessageResult:
    return MessageResult(MESSAGE, outcomes)


def counted(capsys: pytest.CaptureFixture[str], *messages: MessageResult) -> dict[str, Any]:
    """The metrics of a batch, by name; each value is a list of one number, as the format has it."""
    emit_metrics(messages)
    printed = json.loads(capsys.readouterr().out or "{}")
    metrics = [each for block in printed.get("_aws", {}).get("CloudWatchMetrics", []) for each in block["Metrics"]]
    return {each["Name"]: sum(printed[each["Name"]]) for each in metrics}


def test_each_result_is_a_metric_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    batch = [
        judged(Outcome("a", OutcomeKind.SCANNED, settled=3)),
        judged(Outcome("b", OutcomeKind.SCANNED, settled=1), Outcome("c", OutcomeKind.HASH_MISMATCH)),
        judged(Outcome("d", OutcomeKind.DUPLICATE)),
    ]
    assert counted(capsys, *batch) == {"Scanned": 2, "HashMismatch": 1, "Duplicate": 1, "Settled": 4}


@pytest.mark.parametrize(
    "result", [OutcomeKind.CONFIGURATION_ERROR, OutcomeKind.UNEXPECTED_ERROR, OutcomeKind.EXHAUSTED]
)
def test_what_somebody_has_to_look_into_is_a_fault(capsys: pytest.CaptureFixture[str], result: OutcomeKind) -> None:
    assert counted(capsys, judged(Outcome("a", result))) == {result.title(): 1, "Faults": 1}


def test_poison_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert counted(capsys, MessageResult(MESSAGE, poison="not JSON")) == {"Poison": 1, "Faults": 1}


def test_an_image_that_two_messages_of_a_batch_announce_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("a", OutcomeKind.SCANNED, settled=1)
    assert counted(capsys, judged(outcome), judged(outcome)) == {"Scanned": 1, "Settled": 1}


def test_a_batch_of_nothing_counts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert counted(capsys, judged()) == {}


def test_what_was_counted_is_not_counted_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert counted(capsys, judged(Outcome("a", OutcomeKind.SCANNED))) == {"Scanned": 1}
    assert counted(capsys, judged(Outcome("b", OutcomeKind.DUPLICATE))) == {"Duplicate": 1}


def test_a_metric_is_told_apart_by_its_stack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "imagescan-staging")
    monkeypatch.setattr(metrics, "of_the_stack", cache(metrics.of_the_stack.__wrapped__))  # made in that environment
    emit_metrics([judged(Outcome("a", OutcomeKind.SCANNED))])
    printed = json.loads(capsys.readouterr().out)
    [block] = printed["_aws"]["CloudWatchMetrics"]
    assert (block["Namespace"], block["Dimensions"]) == ("ImageScan", [["service"]])
    assert printed["service"] == "imagescan-staging"
