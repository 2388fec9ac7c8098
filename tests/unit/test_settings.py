from typing import NamedTuple

import pytest

from imagescan.settings import (
    EventPublisherSettings,
    FollowUpSettings,
    MissingSetting,
    PurgerSettings,
    ScannerSettings,
    StatsSettings,
    SubmitSettings,
    SweeperSettings,
    TableSettings,
    WaitSettings,
    from_env,
)

COMPLETE = {
    "IMAGES_TABLE": "images",
    "REQUESTS_TABLE": "requests",
    "COUNTERS_TABLE": "counters",
    "IMAGES_BUCKET": "bucket",
    "SCAN_QUEUE_URL": "https://queue",
    "DEFAULT_LABEL": "cat",
    "DEFAULT_CONFIDENCE": "90",
    "EVENT_BUS": "bus",
    "REQUEST_TIMEOUT_MINUTES": "60",
    "RETENTION_DAYS": "30",
    "DAILY_REKOGNITION_LIMIT": "0",
    "DAILY_LIMIT_PER_CALLER": "0",
    "MAX_WAIT_SECONDS": "25",
}
SCANNER_ONLY = {"SCAN_QUEUE_URL", "DAILY_REKOGNITION_LIMIT"}
TABLES = ["IMAGES_TABLE", "REQUESTS_TABLE", "RETENTION_DAYS"]


def test_minutes_and_days_are_converted_to_seconds() -> None:
    settings = from_env(SubmitSettings, COMPLETE)
    assert (settings.timeout_seconds, settings.retention_seconds) == (3600, 30 * 86_400)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (TableSettings, TABLES),
        (FollowUpSettings, ["DEFAULT_LABEL", "DEFAULT_CONFIDENCE"]),
        (SubmitSettings, [name for name in COMPLETE if name not in {*SCANNER_ONLY, "EVENT_BUS", "MAX_WAIT_SECONDS"}]),
        (ScannerSettings, [*TABLES, "COUNTERS_TABLE", "IMAGES_BUCKET", *SCANNER_ONLY]),
        (SweeperSettings, ["COUNTERS_TABLE", "SCAN_QUEUE_URL"]),
        (PurgerSettings, ["IMAGES_BUCKET"]),
        (EventPublisherSettings, ["COUNTERS_TABLE", "EVENT_BUS"]),
        (StatsSettings, ["COUNTERS_TABLE"]),
        (WaitSettings, ["MAX_WAIT_SECONDS"]),
    ],
)
def test_the_error_for_a_missing_variable_names_it(kind: type[NamedTuple], names: list[str]) -> None:
    for missing in names:
        with pytest.raises(MissingSetting, match=missing):
            from_env(kind, {name: COMPLETE[name] for name in names if name != missing})


def test_the_error_for_a_value_that_is_not_a_number_names_the_variable() -> None:
    with pytest.raises(MissingSetting, match=r"RETENTION_DAYS is 'soon'"):
        from_env(SubmitSettings, COMPLETE | {"RETENTION_DAYS": "soon"})
