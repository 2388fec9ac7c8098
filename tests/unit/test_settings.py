import pytest

from imagescan.settings import (
    EndedSettings,
    MissingSetting,
    QuestionsSettings,
    ScannerSettings,
    StatsSettings,
    StatusSettings,
    SubmitSettings,
)

COMPLETE = {
    "IMAGES_TABLE": "images",
    "REQUESTS_TABLE": "requests",
    "IMAGES_BUCKET": "pictures",
    "SCAN_QUEUE_URL": "https://queue",
    "DEFAULT_LABEL": "cat",
    "DEFAULT_CONFIDENCE": "90",
    "COUNTERS_TABLE": "counters",
    "EVENT_BUS": "bus",
    "DEADLINE_MINUTES": "60",
    "RETENTION_DAYS": "30",
}


def test_the_environment_is_read_into_seconds() -> None:
    settings = SubmitSettings.from_env(COMPLETE)
    assert (settings.deadline_seconds, settings.retention_seconds) == (3600, 30 * 86_400)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (StatusSettings, ["IMAGES_TABLE", "REQUESTS_TABLE"]),
        (QuestionsSettings, ["IMAGES_TABLE", "REQUESTS_TABLE", "DEFAULT_LABEL", "DEFAULT_CONFIDENCE"]),
        (SubmitSettings, [name for name in COMPLETE if name not in {"SCAN_QUEUE_URL", "COUNTERS_TABLE", "EVENT_BUS"}]),
        (ScannerSettings, ["IMAGES_TABLE", "REQUESTS_TABLE", "IMAGES_BUCKET", "SCAN_QUEUE_URL"]),
        (EndedSettings, ["COUNTERS_TABLE", "EVENT_BUS"]),
        (StatsSettings, ["COUNTERS_TABLE"]),
    ],
)
def test_a_missing_name_is_an_error_that_says_the_name(
    kind: type[QuestionsSettings | StatusSettings | SubmitSettings | ScannerSettings | EndedSettings | StatsSettings],
    names: list[str],
) -> None:
    for missing in names:
        with pytest.raises(MissingSetting, match=missing):
            kind.from_env({name: COMPLETE[name] for name in names if name != missing})


def test_a_value_that_is_no_number_is_an_error_that_says_the_name() -> None:
    with pytest.raises(MissingSetting, match=r"RETENTION_DAYS is 'soon'"):
        SubmitSettings.from_env(COMPLETE | {"RETENTION_DAYS": "soon"})
