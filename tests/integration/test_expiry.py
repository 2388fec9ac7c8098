"""Items of images that are not used expire two days after the requests and the bytes that were stored with them."""

from typing import Any

from imagescan.domain.policy import ITEM_MARGIN_SECONDS
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.preparation import submit_image
from testing.resources import IMAGES, TEMPLATE

DAY = 24 * 60 * MINUTE
LIFETIME = int(TEMPLATE.environment("SubmitFunction")["RETENTION_DAYS"]) * DAY + ITEM_MARGIN_SECONDS
ANN = {"authorizer": {"claims": {"sub": "ann"}}}


def declare(env: MotoEnvironment, **event: Any) -> dict[str, Any]:
    content = image_bytes()
    body = {"sha256": hash_of(content), "size": len(content), "fileType": "image/png"}
    submitted: dict[str, Any] = env.functions.post(body, **event).body
    return submitted


def lifetimes(env: MotoEnvironment) -> set[int]:
    """Return how many seconds the items of the images table still live."""
    return {int(item["expires_at"]["N"]) - int(env.clock.now) for item in env.resources.items(IMAGES)}


def scans(env: MotoEnvironment) -> int:
    return env.transport.calls.count("DetectLabels")


def test_the_images_table_deletes_expired_items() -> None:
    expected = {"AttributeName": "expires_at", "Enabled": True}
    assert TEMPLATE.properties("ImagesTable")["TimeToLiveSpecification"] == expected


def test_every_item_of_a_scan_expires(env: MotoEnvironment) -> None:
    submitted = declare(env, requestContext=ANN)
    env.upload(image_bytes(), submitted)
    env.trigger.deliver_all()
    env.functions.invoke("DeleteFunction", event_for(submitted))
    assert len(env.resources.items(IMAGES)) == 4  # the image, its content, its possession, and the upload to purge
    assert lifetimes(env) == {LIFETIME}


def event_for(submitted: dict[str, Any]) -> dict[str, Any]:
    return {"pathParameters": {"request_id": submitted["request_id"]}, "requestContext": ANN}


def test_the_item_of_an_abandoned_submission_expires(env: MotoEnvironment) -> None:
    declare(env)
    env.pass_time(11 * MINUTE)
    env.functions.sweep()
    assert lifetimes(env) == {LIFETIME}


def test_an_image_that_is_used_is_kept_with_its_content_for_two_more_writes_a_day(env: MotoEnvironment) -> None:
    submit_image(env)
    env.trigger.deliver_all()
    env.pass_time(DAY + 1)
    for calls in (["BatchGetItem", "UpdateItem", "UpdateItem", "PutItem"], ["BatchGetItem", "PutItem"]):
        env.transport.reset()
        submit_image(env)
        assert env.transport.calls == calls
    assert lifetimes(env) == {LIFETIME}


def test_an_image_that_was_not_used_is_scanned_again(env: MotoEnvironment) -> None:
    submit_image(env)
    env.trigger.deliver_all()
    env.pass_time(LIFETIME + 1)
    request_id = submit_image(env)
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["status"] == "completed"
    assert scans(env) == 2
    assert lifetimes(env) == {LIFETIME}


def test_an_owner_whose_possession_expired_uploads_the_image_again(env: MotoEnvironment) -> None:
    submitted = declare(env, requestContext=ANN)
    env.upload(image_bytes(), submitted)
    env.trigger.deliver_all()
    assert declare(env, requestContext=ANN)["status"] == "completed"
    env.pass_time(LIFETIME + 1)
    again = declare(env, requestContext=ANN)
    assert (again["status"], again["upload"] is None) == ("pending", False)
