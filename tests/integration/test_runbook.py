"""Run the procedures of docs/operations.md with the options that are documented there."""

import re

from tests.integration.functions import picture
from tests.integration.resources import BUCKET, IMAGES, QUEUE_URL
from tests.integration.world import World, hash_of
from tools import paths

RUNBOOK = (paths.ROOT / "docs" / "operations.md").read_text()
CAT = picture()


def documented(pattern: str) -> str:
    """Return the value of a command option in the runbook."""
    [found] = re.findall(pattern, RUNBOOK)
    return str(found)


def rescan(world: World) -> None:
    world.functions.sweep()
    world.resources.dynamodb.delete_item(
        TableName=IMAGES,
        Key={"image_hash": {"S": hash_of(CAT)}},
        ConditionExpression=documented(r"--condition-expression '(.+)'"),
    )
    body = documented(r'--message-body \\\n +"(.+)"').replace(r"\"", '"')
    world.resources.sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=body.replace("$KEY", f"images/{hash_of(CAT)}.png"))
    world.trigger.deliver_all()


def test_rescanning_an_image_gives_new_results_and_keeps_finished_requests(world: World) -> None:
    request_id = world.functions.submit(CAT).body["request_id"]
    world.trigger.deliver_all()
    before = world.functions.get(request_id).body
    world.pass_time(3600)
    rescan(world)
    after = world.functions.submit(CAT)
    assert world.detector.calls[hash_of(CAT)] == 2
    assert (after.status, after.body["status"]) == (200, "completed")
    assert after.body["scanned_at"] > before["scanned_at"]
    assert world.functions.get(request_id).body == before


def test_an_image_that_is_copied_to_its_hash_key_is_scanned_in_advance(world: World) -> None:
    key = documented(r'"s3://\$\(output ImagesBucket\)/(images/\$hash)\.jpg"').replace("$hash", hash_of(CAT))
    world.resources.s3.put_object(Bucket=BUCKET, Key=f"{key}.png", Body=CAT, ChecksumAlgorithm="SHA256")
    world.trigger.deliver_all()
    assert world.detector.calls[hash_of(CAT)] == 1
    assert world.functions.submit(CAT).status == 200
