"""What docs/operations.md tells people to do, done with its own words."""

import re

from local import paths
from tests.integration.functions import picture
from tests.integration.resources import BUCKET, IMAGES, QUEUE_URL
from tests.integration.world import World, hash_of

RUNBOOK = (paths.ROOT / "docs" / "operations.md").read_text()
CAT = picture()


def said(pattern: str) -> str:
    """What the runbook gives to an option of a command."""
    [found] = re.findall(pattern, RUNBOOK)
    return str(found)


def rescan(world: World) -> None:
    world.functions.sweep()
    world.resources.dynamodb.delete_item(
        TableName=IMAGES,
        Key={"image_hash": {"S": hash_of(CAT)}},
        ConditionExpression=said(r"--condition-expression '(.+)'"),
    )
    body = said(r'--message-body \\\n +"(.+)"').replace(r"\"", '"')
    world.resources.sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=body.replace("$KEY", f"images/{hash_of(CAT)}.png"))
    world.trigger.deliver_all()


def test_an_image_that_is_rescanned_answers_anew_and_what_was_answered_stays(world: World) -> None:
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


def test_a_picture_that_is_put_under_its_hash_is_scanned_ahead(world: World) -> None:
    key = said(r'"s3://\$\(output ImagesBucket\)/(images/\$hash)\.jpg"').replace("$hash", hash_of(CAT))
    world.resources.s3.put_object(Bucket=BUCKET, Key=f"{key}.png", Body=CAT, ChecksumAlgorithm="SHA256")
    world.trigger.deliver_all()
    assert world.detector.calls[hash_of(CAT)] == 1
    assert world.functions.submit(CAT).status == 200
