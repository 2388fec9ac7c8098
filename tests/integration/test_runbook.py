"""Run the procedures of docs/operations.md with the options that are documented there."""

import re

from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES
from tools import paths

RUNBOOK = (paths.ROOT / "docs" / "operations.md").read_text()
CAT = image_bytes()


def documented(pattern: str) -> str:
    """Return the value of a command option in the runbook."""
    [found] = re.findall(pattern, RUNBOOK)
    return str(found)


def rescan(env: MotoEnvironment, content_hash: str) -> None:
    env.functions.sweep()
    content_key = documented(r'\$\{CONTENT_HASH:\+"(.+?)"\}')
    for key in (hash_of(CAT), content_key.replace("$CONTENT_HASH", content_hash)):
        env.resources.dynamodb.delete_item(
            TableName=IMAGES,
            Key={"image_hash": {"S": key}},
            ConditionExpression=documented(r"--condition-expression '(.+)'"),
        )
    target = documented(r'"s3://\$\(output ImagesBucket\)/\$KEY" "s3://\$\(output ImagesBucket\)/(.+?)" \\\n')
    directive = documented(r"--metadata-directive (\w+)")
    source = f"images/{hash_of(CAT)}.png"
    env.resources.s3.copy_object(
        Bucket=BUCKET,
        CopySource={"Bucket": BUCKET, "Key": source},
        Key=target.replace("$HASH", hash_of(CAT)).replace("${KEY##*.}", "png"),
        MetadataDirective=directive,
        ChecksumAlgorithm="SHA256",
    )
    env.trigger.deliver_all()


def test_rescanning_an_image_gives_new_results_and_keeps_finished_requests(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(CAT).body["request_id"]
    env.trigger.deliver_all()
    before = env.functions.get(request_id).body
    env.pass_time(3600)
    rescan(env, before["content_hash"])
    after = env.functions.submit(CAT)
    assert env.detector.calls[hash_of(CAT)] == 2
    assert (after.status, after.body["status"]) == (200, "completed")
    assert after.body["scanned_at"] > before["scanned_at"]
    assert env.functions.get(request_id).body == before


def test_an_image_that_is_copied_to_its_hash_key_is_scanned_in_advance(env: MotoEnvironment) -> None:
    key = documented(r'"s3://\$\(output ImagesBucket\)/(images/\$hash)\.jpg"').replace("$hash", hash_of(CAT))
    env.resources.s3.put_object(Bucket=BUCKET, Key=f"{key}.png", Body=CAT, ChecksumAlgorithm="SHA256")
    env.trigger.deliver_all()
    assert env.detector.calls[hash_of(CAT)] == 1
    assert env.functions.submit(CAT).status == 200
