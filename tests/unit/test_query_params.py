import pytest

from imagescan.api import query_params
from imagescan.domain.errors import BadInput
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Status
from imagescan.use_cases.list_requests import ListFilter


def test_a_query_is_parsed_into_a_filter_and_a_limit() -> None:
    query = {"status": "failed", "label": "dog", "created_after": "2026-11-22T10:00:00Z", "limit": "7"}
    assert query_params.list_filter(query, None) == ListFilter(Status.FAILED, "dog", 1_795_341_600.0)
    assert query_params.limit(query) == 7
    assert (query_params.list_filter({}, None), query_params.limit({})) == (ListFilter(), 25)


@pytest.mark.parametrize("feature", Feature)
def test_a_list_can_be_filtered_by_feature(feature: Feature) -> None:
    assert query_params.list_filter({"feature": feature.value}, None) == ListFilter(feature=feature)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"status": "done"}, "invalid_status"),
        ({"feature": "faces"}, "invalid_feature"),
        ({"feature": ""}, "invalid_feature"),
        ({"feature": "TEXT"}, "invalid_feature"),
        ({"created_after": "yesterday"}, "invalid_created_after"),
        ({"created_after": "99999-01-01"}, "invalid_created_after"),
    ],
)
def test_an_invalid_status_feature_or_time_is_rejected(query: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput) as raised:
        query_params.list_filter(query, None)
    assert raised.value.code == code


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "", "٣", "9" * 5000])
def test_a_limit_outside_1_to_100_is_rejected(limit: str) -> None:
    with pytest.raises(BadInput):
        query_params.limit({"limit": limit})


def test_up_to_100_ids_keep_their_order() -> None:
    most = [f"r{at}" for at in range(query_params.MAX_LIMIT)]
    assert query_params.ids({"ids": "b,a,b"}) == ["b", "a", "b"]
    assert query_params.ids({"ids": ",".join(most)}) == most


@pytest.mark.parametrize(
    "query",
    [{"ids": ids} for ids in ("", ",", "a,", "a,,b", ",".join("a" * 101))]
    + [{"ids": "a", name: "x"} for name in ("status", "label", "created_after", "limit", "cursor", "feature")],
    ids=str,
)
def test_no_ids_too_many_ids_and_ids_with_a_list_parameter_are_rejected(query: dict[str, str]) -> None:
    with pytest.raises(BadInput) as raised:
        query_params.ids(query)
    assert raised.value.code == "invalid_ids"


@pytest.mark.parametrize("value", ["1", "y", "yes", "true", "on", "anything", " 1 "])
def test_debug_data_accepts_any_value_that_does_not_mean_no(value: str) -> None:
    assert query_params.wants_debug({"debugData": value})


@pytest.mark.parametrize("query", [{}, *({"debugData": value} for value in ("", " ", "n", "no", "No", "0", "FALSE"))])
def test_debug_data_is_off_without_a_value_and_for_values_that_mean_no(query: dict[str, str]) -> None:
    assert not query_params.wants_debug(query)
