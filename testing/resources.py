"""Create the tables, queues and bucket of the template on moto, with the properties of the template."""

import json
import uuid
from dataclasses import dataclass
from itertools import batched
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from testing.template import Template
from tools.env import REGION

QUEUE, DEAD_LETTER_QUEUE = "scan-queue", "dead-letters"
IMAGES, REQUESTS, COUNTERS = "images", "requests", "counters"


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{queue}"


def _url(queue: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{DEFAULT_ACCOUNT_ID}/{queue}"


QUEUE_URL, DEAD_LETTER_QUEUE_URL = _url(QUEUE), _url(DEAD_LETTER_QUEUE)
TEMPLATE = Template(
    {
        "ImagesTable": IMAGES,
        "RequestsTable": REQUESTS,
        "CountersTable": COUNTERS,
        "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{DEFAULT_ACCOUNT_ID}:stack/imagescan/{uuid.uuid4()}",
        "ScanQueue": QUEUE_URL,
        "ScanQueue.Arn": _arn(QUEUE),
        "ScanDeadLetterQueue.Arn": _arn(DEAD_LETTER_QUEUE),
    }
)
BUCKET: str = TEMPLATE.properties("ImagesBucket")["BucketName"]


@dataclass(frozen=True)
class Resources:
    """Creates and inspects the resources with clients that are not recorded and have no injected faults."""

    dynamodb: Any
    s3: Any
    sqs: Any

    def create(self) -> None:
        """Create all resources as declared in the template."""
        self._queue(DEAD_LETTER_QUEUE, "ScanDeadLetterQueue")
        self._queue(QUEUE, "ScanQueue")
        self._table(IMAGES, "ImagesTable")
        self._table(REQUESTS, "RequestsTable")
        self._table(COUNTERS, "CountersTable")
        self._bucket()

    def items(self, table: str, index: str | None = None) -> list[dict[str, Any]]:
        """Return all items of a table or index."""
        target = {"TableName": table} | ({"IndexName": index} if index else {})
        pages = self.dynamodb.get_paginator("scan").paginate(**target)
        return [item for page in pages for item in page["Items"]]

    def delete_messages(self) -> None:
        """Delete all visible messages of the scan queue."""
        while messages := self.sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])

    def copy_request(self, request_id: str, count: int) -> None:
        """Create copies of a request under new IDs."""
        [request] = [item for item in self.items(REQUESTS) if item["request_id"]["S"] == request_id]
        copies = [request | {"request_id": {"S": str(uuid.uuid4())}} for _ in range(count)]
        for batch in batched(copies, 25, strict=False):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            self.dynamodb.batch_write_item(RequestItems={REQUESTS: puts})

    def enqueue(self, key: str) -> None:
        """Send an S3 event notification for an object key to the scan queue."""
        s3 = {"bucket": {"name": BUCKET}, "object": {"key": key}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}
        self.sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=json.dumps({"Records": [record]}))

    def depth(self, queue_url: str) -> int:
        """Return the number of messages in a queue, including messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def _queue(self, name: str, resource: str) -> None:
        attributes = {
            key: json.dumps(value) if isinstance(value, dict | bool) else str(value)
            for key, value in TEMPLATE.properties(resource).items()
        }
        self.sqs.create_queue(QueueName=name, Attributes=attributes)

    def _table(self, name: str, resource: str) -> None:
        excluded = ("PointInTimeRecoverySpecification", "TimeToLiveSpecification")
        properties = TEMPLATE.properties(resource, *excluded)
        if "StreamSpecification" in properties:  # CloudFormation adds StreamEnabled itself
            properties["StreamSpecification"] |= {"StreamEnabled": True}
        self.dynamodb.create_table(TableName=name, **properties)

    def _bucket(self) -> None:
        properties = TEMPLATE.properties("ImagesBucket", "BucketName")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=properties["VersioningConfiguration"])
        queues = [
            {
                "QueueArn": each["Queue"],
                "Events": [each["Event"]],
                "Filter": {"Key": {"FilterRules": each["Filter"]["S3Key"]["Rules"]}},
            }
            for each in properties["NotificationConfiguration"]["QueueConfigurations"]
        ]
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": queues}
        )
