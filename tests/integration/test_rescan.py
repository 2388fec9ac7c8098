"""The command that lets failed images be scanned again."""

from io import StringIO

import pytest
from rich.console import Console

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.domain.content import content_item_key
from imagescan.domain.feature import Feature
from imagescan.domain.image import validate_image
from imagescan.domain.image_header import ImageType
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from ops.rescan.rescan import CHANGED, PENDING, RESET, TOO_RECENT, WOULD_RESET, rescan
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import IMAGES, REQUESTS

CAT = image_bytes()


def run(env: MotoEnvironment, code: str = "image_invalid", limit: int = 100, *, apply: bool = True) -> list[str]:
    return rescan(
        code,
        images=ImagesTable(clients.dynamodb(), IMAGES),
        requests=RequestsTable(clients.dynamodb(), REQUESTS),
        console=Console(file=StringIO()),
        now=env.clock.now,
        limit=limit,
        apply=apply,
    )


def fail(env: MotoEnvironment, *images: bytes) -> str:
    """Submit images that Rekognition rejects, and wait for the purge delay. Return the ID of the last request."""
    env.detector.unreadable |= {hash_of(image) for image in images}
    ids = [env.functions.submit(image).body["request_id"] for image in images]
    env.trigger.deliver_all()
    env.clock.now += PURGE_DELAY_SECONDS + 1
    env.detector.unreadable.clear()
    return str(ids[-1])


def status(env: MotoEnvironment) -> str:
    return str(env.functions.submit(CAT).body["status"])


def test_a_failed_image_is_scanned_again_after_it_was_reset(env: MotoEnvironment) -> None:
    earlier = fail(env, CAT)
    assert status(env) == "failed"
    assert run(env) == [RESET]
    assert status(env) == "pending"
    env.trigger.deliver_all()
    assert status(env) == "completed"
    assert env.functions.get(earlier).body["failure"]["code"] == "image_invalid"


def test_a_dry_run_writes_nothing(env: MotoEnvironment) -> None:
    fail(env, CAT)
    env.transport.reset()
    assert run(env, apply=False) == [WOULD_RESET]
    assert env.transport.calls == ["Scan", "Query"]


def test_only_images_with_this_failure_are_reset(env: MotoEnvironment) -> None:
    fail(env, CAT)
    assert run(env, "image_too_small") == run(env, "attempts_exhausted") == []


def test_the_number_of_images_is_limited(env: MotoEnvironment) -> None:
    fail(env, *map(image_bytes, range(3)))
    assert run(env, limit=2) == [RESET] * 2
    assert run(env, limit=2) == [RESET]


def test_an_image_that_failed_recently_is_kept(env: MotoEnvironment) -> None:
    fail(env, CAT)
    env.clock.now -= 2
    assert run(env) == [TOO_RECENT]


def test_an_image_that_a_pending_request_needs_is_kept(env: MotoEnvironment) -> None:
    env.transport.fail("Query", "AccessDeniedException")  # the scanner does not settle the request
    fail(env, CAT)
    env.transport.reset()
    assert run(env) == [PENDING]


def test_an_image_that_is_marked_for_purging_is_left_to_the_purger(env: MotoEnvironment) -> None:
    env.functions.delete(fail(env, CAT))
    env.clock.now += PURGE_DELAY_SECONDS + 1
    assert run(env) == []


@pytest.mark.parametrize("attribute", ["marked_at", "lease_until"])
def test_an_image_that_changes_during_the_command_is_kept(env: MotoEnvironment, attribute: str) -> None:
    fail(env, CAT)

    class Changing(ImagesTable):
        def reset(self, *arguments: object) -> bool:
            env.resources.dynamodb.update_item(
                TableName=IMAGES,
                Key={"image_hash": {"S": hash_of(CAT)}},
                UpdateExpression=f"SET {attribute} = :later",
                ExpressionAttributeValues={":later": {"N": str(env.clock.now + 90)}},
            )
            return super().reset(*arguments)  # type: ignore[arg-type]

    console, table = Console(file=StringIO()), Changing(clients.dynamodb(), IMAGES)
    requests = RequestsTable(clients.dynamodb(), REQUESTS)
    statuses = rescan(
        "image_invalid", images=table, requests=requests, console=console, now=env.clock.now, limit=1, apply=True
    )
    assert statuses == [CHANGED]


def test_an_exhausted_image_is_reset_with_its_daily_limit(env: MotoEnvironment) -> None:
    times = [env.clock.now - number for number in range(4)]
    env.resources.dynamodb.put_item(
        TableName=IMAGES,
        Item={
            "image_hash": {"S": hash_of(CAT)},
            "attempts": {"SS": list("abcde")},
            "is_exhausted": {"BOOL": True},
            "exhausted_at": {"NS": [repr(at) for at in times]},
        },
    )
    assert run(env, "attempts_exhausted") == [TOO_RECENT]
    env.clock.now += PURGE_DELAY_SECONDS + 1
    assert run(env, "attempts_exhausted") == [RESET]
    env.functions.submit(CAT)
    env.trigger.deliver_all()
    assert status(env) == "completed"


def test_an_exhausted_content_is_not_an_image(env: MotoEnvironment) -> None:
    content = validate_image(CAT, ImageType.PNG).content_hash
    assert content
    env.resources.dynamodb.put_item(
        TableName=IMAGES,
        Item={
            "image_hash": {"S": content_item_key(content, Feature.TEXT)},
            "attempts": {"SS": list("abcde")},
            "is_exhausted": {"BOOL": True},
            "exhausted_at": {"NS": [repr(env.clock.now - number) for number in range(4)]},
        },
    )
    env.clock.now += PURGE_DELAY_SECONDS + 1
    assert run(env, "attempts_exhausted") == []
