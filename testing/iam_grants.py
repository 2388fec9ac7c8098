"""What each function's role may do, and nothing else."""

type Grant = tuple[str, str]
"""An IAM action, and what it may be done to: a resource of the template by its name there, or a foreign one."""

STREAMS = ["ImagesTable/stream/*", "RequestsTable/stream/*"]

MAY: dict[str, dict[str, list[str]]] = {
    "SubmitRole": {
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "dynamodb:PutItem": ["RequestsTable"],
        "s3:PutObject": ["ImagesBucket/images/*"],
        "logs:CreateLogStream": ["SubmitLogs"],
        "logs:PutLogEvents": ["SubmitLogs"],
    },
    "StatusRole": {
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["StatusLogs"],
        "logs:PutLogEvents": ["StatusLogs"],
    },
    "QuestionsRole": {
        "dynamodb:GetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["QuestionsLogs"],
        "logs:PutLogEvents": ["QuestionsLogs"],
    },
    "ListingRole": {
        "dynamodb:Query": ["RequestsTable/index/by_time"],
        "dynamodb:BatchGetItem": ["ImagesTable", "RequestsTable"],
        "logs:CreateLogStream": ["ListingLogs"],
        "logs:PutLogEvents": ["ListingLogs"],
    },
    "DeleteRole": {
        "dynamodb:UpdateItem": ["ImagesTable"],
        "dynamodb:GetItem": ["RequestsTable"],
        "dynamodb:DeleteItem": ["RequestsTable"],
        "logs:CreateLogStream": ["DeleteLogs"],
        "logs:PutLogEvents": ["DeleteLogs"],
    },
    "ScannerRole": {
        "sqs:ReceiveMessage": ["ScanQueue"],
        "sqs:DeleteMessage": ["ScanQueue"],
        "sqs:GetQueueAttributes": ["ScanQueue"],
        "sqs:ChangeMessageVisibility*": ["ScanQueue"],
        "dynamodb:UpdateItem": ["ImagesTable", "RequestsTable", "CountersTable"],
        "dynamodb:Query": ["RequestsTable/index/waiting"],
        "s3:GetObject": ["ImagesBucket/images/*"],
        "s3:GetObjectVersion": ["ImagesBucket/images/*"],
        "s3:ListBucket": ["ImagesBucket"],
        "rekognition:DetectLabels": ["*"],
        "logs:CreateLogStream": ["ScannerLogs"],
        "logs:PutLogEvents": ["ScannerLogs"],
    },
    "SweeperRole": {
        "dynamodb:Query": ["RequestsTable/index/waiting"],
        "dynamodb:Scan": ["RequestsTable/index/waiting", "ImagesTable/index/to_remove"],
        "dynamodb:DeleteItem": ["ImagesTable"],
        "s3:ListBucketVersions": ["ImagesBucket"],
        "s3:DeleteObjectVersion": ["ImagesBucket/images/*"],
        "dynamodb:UpdateItem": ["ImagesTable", "RequestsTable"],
        "dynamodb:BatchGetItem": ["ImagesTable"],
        "sqs:SendMessage": ["ScanQueue"],
        "logs:CreateLogStream": ["SweeperLogs"],
        "logs:PutLogEvents": ["SweeperLogs"],
    },
    "EndedRole": {
        "dynamodb:DescribeStream": STREAMS,
        "dynamodb:GetRecords": STREAMS,
        "dynamodb:GetShardIterator": STREAMS,
        "dynamodb:ListStreams": STREAMS,
        "events:PutEvents": ["EventBus"],
        "dynamodb:UpdateItem": ["CountersTable"],
        "sqs:SendMessage": ["UnannouncedQueue"],
        "logs:CreateLogStream": ["EndedLogs"],
        "logs:PutLogEvents": ["EndedLogs"],
    },
    "StatsRole": {
        "dynamodb:BatchGetItem": ["CountersTable"],
        "logs:CreateLogStream": ["StatsLogs"],
        "logs:PutLogEvents": ["StatsLogs"],
    },
}


def row(role: str) -> set[Grant]:
    """Everything that the role may do."""
    return {(action, name) for action, names in MAY[role].items() for name in names}
