from typing import NamedTuple

import pytest

from imagescan.settings import (
    EndedSettings,
    MissingSetting,
    QuestionsSettings,
    ScannerSettings,
    StatsSettings,
    SubmitSettings,
    SweeperSettings,
    TablesSettings,
    from_env,
)

COMPLETE = {
    "IMAGES_TABLE": "images",
    "REQUESTS_TABLE": "requests",
    "COUNTERS_TABLE": "counters",
    "IMAGES_BUCKET": "pictures",
    "SCAN_QUEUE_URL": "https://queue",
    "DEFAULT_LABEL": "cat",
    "DEFAULT_CONFIDENCE": "90",
    "EVENT_BUS": "bus",
    "REQUEST_TIMEOUT_MINUTES": "60",
    "RETENTION_DAYS": "30",
    "DAILY_REKOGNITION_LIMIT": "0",
}
OF_THE_SCANNER = {"COUNTERS_TABLE", "SCAN_QUEUE_URL", "DAILY_REKOGNITION_LIMIT"}


def test_the_environment_is_read_into_seconds() -> None:
    settings = from_env(SubmitSettings, COMPLETE)
    assert (settings.deadline_seconds, settings.retention_seconds) == (3600, 30 * 86_400)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (TablesSettings, ["IMAGES_TABLE", "REQUESTS_TABLE"]),
        (QuestionsSettings, ["DEFAULT_LABEL", "DEFAULT_CONFIDENCE"]),
        (SubmitSettings, [name for name in COMPLETE if name not in {*OF_THE_SCANNER, "EVENT_BUS"}]),
        (ScannerSettings, ["IMAGES_TABLE", "REQUESTS_TABLE", "IMAGES_BUCKET", *OF_THE_SCANNER]),
        (SweeperSettings, ["IMAGES_BUCKET", "SCAN_QUEUE_URL"]),
        (EndedSettings, ["COUNTERS_TABLE", "EVENT_BUS"]),
        (StatsSettings, ["COUNTERS_TABLE"]),
    ],
)
def test_a_missing_name_is_an_error_that_says_the_name(kind: type[NamedTuple], names: list[str]) -> None:
    for missing in names:
        with pytest.raises(MissingSetting, match=missing):
            from_env(kind, {name: COMPLETE[name] for name in names if name != missing})


def test_a_value_that_is_no_number_is_an_error_that_says_the_name() -> None:
    with pytest.raises(MissingSetting, match=r"RETENTION_DAYS is 'soon'"):
        from_env(SubmitSettings, COMPLETE | {"RETENTION_DAYS": "soon"})
