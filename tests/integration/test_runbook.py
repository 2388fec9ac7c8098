"""What docs/operations.md tells people to do, done with its own words."""

import re

from local import paths
from testing.functions import picture
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, QUEUE_URL

RUNBOOK = (paths.ROOT / "docs" / "operations.md").read_text()
CAT = picture()


def said(pattern: str) -> str:
    """What the runbook gives to an option of a command."""
    [found] = re.findall(pattern, RUNBOOK)
    return str(found)


def rescan(env: MotoEnvironment) -> None:
    env.functions.sweep()
    env.resources.dynamodb.delete_item(
        TableName=IMAGES,
        Key={"image_hash": {"S": hash_of(CAT)}},
        ConditionExpression=said(r"--condition-expression '(.+)'"),
    )
    body = said(r'--message-body \\\n +"(.+)"').replace(r"\"", '"')
    env.resources.sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=body.replace("$KEY", f"images/{hash_of(CAT)}.png"))
    env.trigger.deliver_all()


def test_an_image_that_is_rescanned_answers_anew_and_what_was_answered_stays(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.trigger.deliver_all()
    before = env.functions.get(request_id).body
    env.pass_time(3600)
    rescan(env)
    after = env.functions.submit(CAT)
    assert env.detector.calls[hash_of(CAT)] == 2
    assert (after.status, after.body["status"]) == (200, "completed")
    assert after.body["scanned_at"] > before["scanned_at"]
    assert env.functions.get(request_id).body == before


def test_a_picture_that_is_put_under_its_hash_is_scanned_ahead(env: MotoEnvironment) -> None:
    key = said(r'"s3://\$\(output ImagesBucket\)/(images/\$hash)\.jpg"').replace("$hash", hash_of(CAT))
    env.resources.s3.put_object(Bucket=BUCKET, Key=f"{key}.png", Body=CAT, ChecksumAlgorithm="SHA256")
    env.trigger.deliver_all()
    assert env.detector.calls[hash_of(CAT)] == 1
    assert env.functions.submit(CAT).status == 200
