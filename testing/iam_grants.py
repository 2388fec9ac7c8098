"""The exact IAM permissions of each function role."""

type Grant = tuple[str, str]
"""IAM action and resource. The resource starts with its logical ID in the template."""

OBJECTS = ["ImagesBucket/images/*", "ImagesBucket/uploads/*"]
STREAMS = ["ImagesTable/stream/*", "RequestsTable/stream/*"]

EXPECTED_GRANTS: dict[str, dict[str, list[str]]] = {
    "SubmitRole": {
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "dynamodb:PutItem": ["ImagesTable", "RequestsTable"],
        "dynamodb:UpdateItem": ["ImagesTable", "CountersTable"],
        "dynamodb:DeleteItem": ["ImagesTable"],
        "s3:GetObject": OBJECTS,
        "s3:PutObject": OBJECTS,
        "s3:ListBucket": ["ImagesBucket"],
        "logs:CreateLogStream": ["SubmitLogs"],
        "logs:PutLogEvents": ["SubmitLogs"],
    },
    "StatusRole": {
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["StatusLogs"],
        "logs:PutLogEvents": ["StatusLogs"],
    },
    "AskFollowUpRole": {
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["AskFollowUpLogs"],
        "logs:PutLogEvents": ["AskFollowUpLogs"],
    },
    "ListRequestsRole": {
        "dynamodb:Query": ["RequestsTable/index/by_created_at"],
        "dynamodb:BatchGetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["ListRequestsLogs"],
        "logs:PutLogEvents": ["ListRequestsLogs"],
    },
    "DeleteRole": {
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:UpdateItem": ["ImagesTable"],
        "dynamodb:GetItem": ["RequestsTable"],
        "dynamodb:PutItem": ["RequestsTable"],
        "logs:CreateLogStream": ["DeleteLogs"],
        "logs:PutLogEvents": ["DeleteLogs"],
    },
    "ScannerRole": {
        "sqs:ReceiveMessage": ["ScanQueue"],
        "sqs:DeleteMessage": ["ScanQueue"],
        "sqs:GetQueueAttributes": ["ScanQueue"],
        "sqs:ChangeMessageVisibility*": ["ScanQueue"],
        "dynamodb:UpdateItem": ["ImagesTable", "RequestsTable", "CountersTable"],
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:PutItem": ["ImagesTable"],
        "dynamodb:DeleteItem": ["ImagesTable"],
        "dynamodb:GetItem": ["RequestsTable"],
        "dynamodb:Query": ["RequestsTable/index/pending_by_image"],
        "s3:GetObject": OBJECTS,
        "s3:GetObjectVersion": OBJECTS,
        "s3:ListBucket": ["ImagesBucket"],
        "rekognition:DetectLabels": ["*"],
        "rekognition:DetectModerationLabels": ["*"],
        "rekognition:DetectText": ["*"],
        "logs:CreateLogStream": ["ScannerLogs"],
        "logs:PutLogEvents": ["ScannerLogs"],
    },
    "SweeperRole": {
        "dynamodb:Scan": ["RequestsTable/index/pending_by_image"],
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:UpdateItem": ["ImagesTable", "RequestsTable"],
        "dynamodb:GetItem": ["CountersTable"],
        "dynamodb:PutItem": ["CountersTable"],
        "dynamodb:DeleteItem": ["CountersTable"],
        "sqs:SendMessage*": ["ScanQueue"],
        "logs:CreateLogStream": ["SweeperLogs"],
        "logs:PutLogEvents": ["SweeperLogs"],
    },
    "PurgerRole": {
        "dynamodb:Scan": ["ImagesTable/index/purge_candidates"],
        "dynamodb:Query": ["RequestsTable/index/pending_by_image"],
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "dynamodb:GetItem": ["RequestsTable"],
        "dynamodb:DeleteItem": ["ImagesTable"],
        "dynamodb:UpdateItem": ["ImagesTable"],
        "s3:GetObject": OBJECTS,
        "s3:ListBucket": ["ImagesBucket"],
        "s3:ListBucketVersions": ["ImagesBucket"],
        "s3:DeleteObjectVersion": OBJECTS,
        "logs:CreateLogStream": ["PurgerLogs"],
        "logs:PutLogEvents": ["PurgerLogs"],
    },
    "EventPublisherRole": {
        "dynamodb:DescribeStream": STREAMS,
        "dynamodb:GetRecords": STREAMS,
        "dynamodb:GetShardIterator": STREAMS,
        "dynamodb:ListStreams": STREAMS,
        "events:PutEvents": ["EventBus"],
        "dynamodb:UpdateItem": ["CountersTable"],
        "sqs:SendMessage*": ["EventStreamDeadLetterQueue"],
        "logs:CreateLogStream": ["EventPublisherLogs"],
        "logs:PutLogEvents": ["EventPublisherLogs"],
    },
    "StatsRole": {
        "dynamodb:BatchGetItem": ["CountersTable"],
        "logs:CreateLogStream": ["StatsLogs"],
        "logs:PutLogEvents": ["StatsLogs"],
    },
}


def grants_for(role: str) -> set[Grant]:
    """Return the expected grants of a role."""
    return {(action, name) for action, names in EXPECTED_GRANTS[role].items() for name in names}
