"""Batch requests, lists and deletion, from the API Gateway event to the items."""

import json
from typing import Any

import pytest

from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.images import png
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, REQUESTS

INVALID_IDS = ["x" * 2049, "é" * 1025, "\ud800"]


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {"sha256": hash_of(png(shade=number)), "size": 100, "fileType": "image/png"} | fields


def post_batch(env: MotoEnvironment, entries: Any, **headers: str) -> ApiResponse:
    event = proxy_event("POST", json.dumps({"entries": entries})) | {"resource": "/scanrequests", "headers": headers}
    return ApiResponse(env.functions.invoke("SubmitFunction", event))


def list_requests(env: MotoEnvironment, **query: str) -> ApiResponse:
    return ApiResponse(
        env.functions.invoke("ListRequestsFunction", proxy_event("GET") | {"queryStringParameters": query})
    )


def test_each_entry_has_its_own_result(env: MotoEnvironment) -> None:
    env.functions.submit(png(shade=1))
    env.trigger.deliver_all()
    response = post_batch(
        env, [entry(1), entry(2), entry(3, sha256="short"), {"file": "QQ==", "fileType": "image/png"}]
    )
    known, fresh, malformed, posted = response.body["results"]
    assert (known["status_code"], known["request"]["status"], known["error"]) == (200, "completed", None)
    assert (fresh["status_code"], fresh["request"]["upload"]["method"]) == (202, "PUT")
    assert (malformed["status_code"], malformed["request"], malformed["error"]["code"]) == (400, None, "invalid_sha256")
    assert posted["error"]["code"] == "invalid_file"


def test_a_repeated_batch_with_the_same_key_returns_the_same_requests(env: MotoEnvironment) -> None:
    first, second = (post_batch(env, [entry(1), entry(2)], **{"Idempotency-Key": "k"}) for _ in range(2))
    ids = [[each["request"]["request_id"] for each in response.body["results"]] for response in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
def test_a_batch_key_has_the_same_maximum_length_as_a_single_key(
    env: MotoEnvironment, length: int, status: int
) -> None:
    response = post_batch(env, [entry(1), entry(2)], **{"Idempotency-Key": "k" * length})
    assert response.status == status
    assert [each["status_code"] for each in response.body.get("results", [])] == [202] * 2 * (status == 200)


def submit_with_key(env: MotoEnvironment, number: int, key: str) -> str:
    """Post the entry as a single request with this key. Return the request ID."""
    request_id: str = env.functions.post(entry(number), headers={"Idempotency-Key": key}).body["request_id"]
    return request_id


def request_ids(response: ApiResponse) -> list[str]:
    return [each["request"]["request_id"] for each in response.body["results"]]


def test_the_key_of_an_entry_identifies_the_same_request_as_the_header_of_a_single_request(
    env: MotoEnvironment,
) -> None:
    first = submit_with_key(env, 1, "one")
    both = request_ids(post_batch(env, [entry(1, idempotency_key="one"), entry(2, idempotency_key="two")]))
    assert both == [first, submit_with_key(env, 2, "two")]
    assert len(env.resources.items(REQUESTS)) == 2


def test_entries_with_keys_can_be_repeated_in_other_batches(env: MotoEnvironment) -> None:
    entries = [entry(number, idempotency_key=f"key {number}") for number in range(5)]
    first = request_ids(post_batch(env, entries))
    again = request_ids(post_batch(env, entries[3:], **{"Idempotency-Key": "k"})) + request_ids(
        post_batch(env, entries[2::-1], **{"Idempotency-Key": "other"})
    )
    assert again == first[3:] + first[2::-1]


def test_the_key_of_an_entry_overrides_the_header(env: MotoEnvironment) -> None:
    header = {"Idempotency-Key": "k"}
    own, placed = request_ids(post_batch(env, [entry(1, idempotency_key="own"), entry(2)], **header))
    assert own == submit_with_key(env, 1, "own")
    assert request_ids(post_batch(env, [entry(3), entry(2)], **header))[1] == placed


def test_an_entry_with_an_invalid_key_does_not_affect_other_entries(env: MotoEnvironment) -> None:
    response = post_batch(
        env,
        [
            entry(1, idempotency_key="one"),
            entry(2, idempotency_key="two\n"),
            entry(3, idempotency_key="x" * 256),
            entry(4, idempotency_key="four"),
        ],
    )
    assert [each["status_code"] for each in response.body["results"]] == [202, 400, 400, 202]
    again = post_batch(env, [entry(4, idempotency_key="one"), entry(1, idempotency_key="one")])
    assert [each["status_code"] for each in again.body["results"]] == [409, 202]
    assert again.body["results"][0]["error"]["code"] == "idempotency_key_reused"


def test_a_key_in_the_body_of_a_single_request_is_an_unknown_field(env: MotoEnvironment) -> None:
    response = env.functions.post(entry(1, idempotency_key="k"))
    assert (response.status, response.body["code"]) == (400, "unknown_field")
    assert env.resources.items(REQUESTS) == []


def test_equal_entries_with_one_key_are_one_request(env: MotoEnvironment) -> None:
    ids = request_ids(post_batch(env, [entry(1, idempotency_key="k")] * 25))
    assert len(set(ids)) == len(env.resources.items(REQUESTS)) == 1


@pytest.mark.parametrize("entries", [[], [entry(1)] * 26, ["text"], "text", None])
def test_a_batch_must_have_1_to_25_entries(env: MotoEnvironment, entries: Any) -> None:
    response = post_batch(env, entries)
    assert (response.status, response.body["code"]) == (400, "invalid_entries")


def test_requests_are_listed_newest_first(env: MotoEnvironment) -> None:
    ids = []
    for number in range(5):
        env.clock.now += 1
        ids.append(env.functions.submit(png(shade=number)).body["request_id"])
    env.trigger.deliver_all()
    first = list_requests(env, limit="3").body
    second = list_requests(env, limit="3", cursor=first["next_cursor"]).body
    assert [each["request_id"] for each in first["requests"] + second["requests"]] == ids[::-1]
    assert {each["status"] for each in first["requests"]} == {"completed"}
    assert "labels" not in first["requests"][0]
    assert second["next_cursor"] is None


def test_results_by_id_are_in_order_and_equal_to_single_responses(env: MotoEnvironment) -> None:
    known = env.functions.submit(png(shade=1)).body["request_id"]
    missed = env.functions.submit(png(shade=1), "dog").body["request_id"]
    env.detector.unreadable = {hash_of(png(shade=2))}
    failed = env.functions.submit(png(shade=2)).body["request_id"]
    env.trigger.deliver_all()
    expecting_upload = env.functions.post(entry(3)).body["request_id"]
    ids = [failed, "unknown", known, expecting_upload, missed, known]
    response = list_requests(env, ids=",".join(ids))
    alone = [env.functions.get(request_id) for request_id in ids]
    assert [each["status_code"] for each in response.body["results"]] == [each.status for each in alone]
    assert [each["request"] or each["error"] for each in response.body["results"]] == [each.body for each in alone]
    assert (response.status, response.headers["Retry-After"], response.headers["Cache-Control"]) == (
        200,
        "1",
        "no-store",
    )


def test_results_of_finished_requests_have_no_retry_after(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert "Retry-After" not in list_requests(env, ids=request_id).headers


def test_100_ids_take_one_read_of_requests_and_one_of_images(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.resources.copy_request(request_id, 99)
    ids = [item["request_id"]["S"] for item in env.resources.items(REQUESTS)]
    env.transport.reset()
    assert len(list_requests(env, ids=",".join(ids)).body["results"]) == 100
    assert env.transport.calls == ["BatchGetItem", "BatchGetItem"]
    assert all(json.loads(each.body)["RequestItems"].popitem()[1]["ConsistentRead"] for each in env.transport.requests)
    env.trigger.deliver_all()
    env.transport.reset()
    results = list_requests(env, ids=",".join(ids)).body["results"]
    assert {each["request"]["status"] for each in results} == {"completed"}
    assert env.transport.calls == ["BatchGetItem"]


def test_requests_that_seem_timed_out_are_read_again(env: MotoEnvironment) -> None:
    ids = [env.functions.post(entry(number)).body["request_id"] for number in range(2)]
    env.clock.now += 24 * 3600
    env.transport.reset()
    results = list_requests(env, ids=",".join(ids)).body["results"]
    assert {each["request"]["failure"]["code"] for each in results} == {"never_uploaded"}
    assert env.transport.calls == ["BatchGetItem"] * 3


@pytest.mark.parametrize("ids", ["", ",", ",".join("a" * 101)])
def test_an_invalid_number_of_ids_is_rejected(env: MotoEnvironment, ids: str) -> None:
    response = list_requests(env, ids=ids)
    assert (response.status, response.body["code"], env.transport.calls) == (400, "invalid_ids", [])


def test_invalid_ids_are_not_found_without_a_read(env: MotoEnvironment) -> None:
    response = list_requests(env, ids=",".join(INVALID_IDS))
    assert [each["error"]["code"] for each in response.body["results"]] == ["request_not_found"] * len(INVALID_IDS)
    assert env.transport.calls == []  # DynamoDB would reject such a key


def test_a_list_is_filtered(env: MotoEnvironment) -> None:
    env.functions.submit(png(shade=1), "dog")
    env.trigger.deliver_all()
    pending = env.functions.submit(png(shade=2)).body["request_id"]
    assert [each["request_id"] for each in list_requests(env, status="pending").body["requests"]] == [pending]
    assert [each["label"] for each in list_requests(env, label="DOG").body["requests"]] == ["dog"]
    assert list_requests(env, created_after="2999-01-01").body["requests"] == []


@pytest.mark.parametrize("name", ["status", "limit", "cursor", "created_after"])
def test_an_invalid_query_parameter_is_rejected(env: MotoEnvironment, name: str) -> None:
    response = list_requests(env, **{name: "x"})
    assert (response.status, response.body["code"]) == (400, f"invalid_{name}")


def test_created_after_accepts_the_earliest_time(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    assert len(list_requests(env, created_after="0001-01-01").body["requests"]) == 1


def test_created_after_accepts_a_time_in_the_distant_future(env: MotoEnvironment) -> None:
    env.functions.submit(image_bytes())
    assert list_requests(env, created_after="2300-01-01").body["requests"] == []


def test_a_cursor_before_created_after_ends_the_list(env: MotoEnvironment) -> None:
    for number in range(2):
        env.functions.submit(png(shade=number))
    cursor = list_requests(env, limit="1").body["next_cursor"]
    env.transport.reset()
    page = list_requests(env, cursor=cursor, created_after="2200-01-01")
    assert (page.status, page.body) == (200, {"requests": [], "next_cursor": None})
    assert env.transport.calls == []  # DynamoDB would reject such a query


@pytest.mark.parametrize("request_id", ["", *INVALID_IDS])
def test_an_invalid_id_is_not_found_without_a_read(env: MotoEnvironment, request_id: str) -> None:
    assert env.functions.get(request_id).status == env.functions.delete(request_id).status == 404
    assert env.transport.calls == []  # DynamoDB would reject such a key


def test_a_request_is_deleted_immediately_and_its_image_after_the_purge_delay(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    response = env.functions.delete(request_id)
    assert (response.status, response.raw["body"]) == (204, "")
    assert env.functions.get(request_id).status == env.functions.delete(request_id).status == 404
    assert list_requests(env).body["requests"] == []
    assert env.functions.purge()["images_purged"] == 0
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.purge()["images_purged"] == 1
    assert env.resources.items(IMAGES) == []
    [item] = env.resources.items(REQUESTS)
    assert item.keys() == {"request_id", "status", "expires_at"}
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_bytes_that_are_uploaded_after_the_deletion_are_purged(env: MotoEnvironment) -> None:
    request_id = env.functions.post(entry(1)).body["request_id"]
    env.functions.delete(request_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.purge()["images_purged"] == 2  # the image and the upload, without bytes
    key = f"uploads/{request_id}/{hash_of(png(shade=1))}.png"
    env.resources.s3.put_object(Bucket=BUCKET, Key=key, Body=png(shade=1), Metadata={"request-id": request_id})
    env.trigger.deliver_all()
    assert env.detector.calls == {}
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.purge()["images_purged"] == 2
    assert env.resources.items(IMAGES) == []
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


def test_a_deletion_does_not_affect_other_requests_for_the_image(env: MotoEnvironment) -> None:
    remaining, deleted = (env.functions.submit(image_bytes()).body["request_id"] for _ in range(2))
    env.trigger.deliver_all()
    before = env.functions.get(remaining).body
    env.functions.delete(deleted)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()
    assert env.functions.get(remaining).body == before


def test_an_image_with_a_pending_request_is_not_purged(env: MotoEnvironment) -> None:
    pending, deleted = (env.functions.submit(image_bytes()).body["request_id"] for _ in range(2))
    env.functions.delete(deleted)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    assert env.functions.purge()["images_purged"] == 0
    env.trigger.deliver_all()
    assert env.functions.get(pending).body["status"] == "completed"


def test_a_purged_image_is_scanned_again_after_a_new_upload(env: MotoEnvironment) -> None:
    deleted_id = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    env.functions.delete(deleted_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()
    again = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    assert env.functions.get(again).body["label_matched"] is True
    assert env.detector.calls[hash_of(image_bytes())] == 2


def test_callers_can_list_and_delete_only_their_own_requests(env: MotoEnvironment) -> None:
    def as_user(user: str) -> dict[str, Any]:
        return {"requestContext": {"requestId": "a-request", "authorizer": {"claims": {"sub": user}}}}

    ids = {user: env.functions.post(entry(1), **as_user(user)).body["request_id"] for user in ("ann", "bob")}
    event = proxy_event("GET") | as_user("ann")
    results = ApiResponse(env.functions.invoke("ListRequestsFunction", event)).body["requests"]
    assert [each["request_id"] for each in results] == [ids["ann"]]
    by_id = event | {"queryStringParameters": {"ids": f"{ids['bob']},{ids['ann']},unknown"}}
    of_bob, of_ann, unknown = ApiResponse(env.functions.invoke("ListRequestsFunction", by_id)).body["results"]
    assert (of_bob, of_bob["status_code"], of_ann["status_code"]) == (unknown, 404, 200)
    foreign = proxy_event("DELETE") | as_user("ann") | {"pathParameters": {"request_id": ids["bob"]}}
    assert ApiResponse(env.functions.invoke("DeleteFunction", foreign)).status == 404
    assert len(env.resources.items(REQUESTS)) == 2
