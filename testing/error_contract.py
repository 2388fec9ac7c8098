"""Every error that the services document for the calls of this project, with its effect.

Sources: the API references of Amazon Rekognition (DetectLabels, DetectModerationLabels and DetectText), Amazon S3,
Amazon DynamoDB and Amazon SQS, their "Errors" and "Common errors". A test compares the tables with the service models
of the installed SDK and fails if an error of the SDK is missing here.
"""

from enum import StrEnum

from imagescan.domain.detection import (
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    TransientDetectorError,
)

REKOGNITION_OPERATIONS = "DetectLabels", "DetectModerationLabels", "DetectText"
REKOGNITION: dict[str, type[DetectionError]] = {
    "InvalidImageFormatException": ImageRejected,
    "ImageTooLargeException": ImageRejected,
    "AccessDeniedException": DetectorConfigurationError,
    "ExpiredTokenException": DetectorConfigurationError,
    "IncompleteSignature": DetectorConfigurationError,
    "InvalidClientTokenId": DetectorConfigurationError,
    "InvalidParameterException": InvalidParametersError,
    "InvalidS3ObjectException": DetectorConfigurationError,
    "InvalidSignatureException": DetectorConfigurationError,
    "MissingAuthenticationToken": DetectorConfigurationError,
    "NotAuthorized": DetectorConfigurationError,
    "OptInRequired": DetectorConfigurationError,
    "ResourceNotFoundException": DetectorConfigurationError,
    "UnrecognizedClientException": DetectorConfigurationError,
    "ValidationException": DetectorConfigurationError,
    "InternalServerError": TransientDetectorError,
    "InternalFailure": TransientDetectorError,
    "ProvisionedThroughputExceededException": TransientDetectorError,
    "RequestAbortedException": TransientDetectorError,
    "RequestExpired": TransientDetectorError,
    "RequestTimeoutException": TransientDetectorError,
    "ServiceUnavailable": TransientDetectorError,
    "ThrottlingException": TransientDetectorError,
    "HumanLoopQuotaExceededException": TransientDetectorError,  # only for calls that start a human review
    "ResourceNotReadyException": TransientDetectorError,  # only for calls with a custom adapter
}


class ErrorEffect(StrEnum):
    """Effect of an error of an AWS call."""

    RESULT = "result"  # the error is a normal result: the item exists, or the object does not
    FAILURE = "failure"  # the caller fails: a message is retried, a client gets an error, a sweep runs again
    DELAY = "delay"  # only settling is deferred, and the sweeper finishes it


_DYNAMODB_ERRORS = {
    "AccessDeniedException": ErrorEffect.FAILURE,
    "InternalServerError": ErrorEffect.FAILURE,
    "ProvisionedThroughputExceededException": ErrorEffect.FAILURE,
    "RequestLimitExceeded": ErrorEffect.FAILURE,
    "ResourceNotFoundException": ErrorEffect.FAILURE,
    "ThrottlingException": ErrorEffect.FAILURE,
    "ValidationException": ErrorEffect.FAILURE,
    "UndocumentedError": ErrorEffect.FAILURE,
}
_DYNAMODB_WRITE_ERRORS = _DYNAMODB_ERRORS | {
    "ConditionalCheckFailedException": ErrorEffect.RESULT,
    "ItemCollectionSizeLimitExceededException": ErrorEffect.FAILURE,
    "ReplicatedWriteConflictException": ErrorEffect.FAILURE,
    "TransactionConflictException": ErrorEffect.FAILURE,
}
_DYNAMODB_TRANSACTION_ERRORS = _DYNAMODB_ERRORS | {
    "IdempotentParameterMismatchException": ErrorEffect.FAILURE,
    "TransactionCanceledException": ErrorEffect.RESULT,
    "TransactionInProgressException": ErrorEffect.FAILURE,
}
_S3_ERRORS = {
    "AccessDenied": ErrorEffect.FAILURE,
    "InternalError": ErrorEffect.FAILURE,
    "InvalidRequest": ErrorEffect.FAILURE,
    "NoSuchBucket": ErrorEffect.FAILURE,
    "SlowDown": ErrorEffect.FAILURE,
    "UndocumentedError": ErrorEffect.FAILURE,
}
_SQS_ERRORS = {
    "InvalidAddress": ErrorEffect.FAILURE,
    "InvalidSecurity": ErrorEffect.FAILURE,
    "QueueDoesNotExist": ErrorEffect.FAILURE,
    "RequestThrottled": ErrorEffect.FAILURE,
    "UndocumentedError": ErrorEffect.FAILURE,
    "UnsupportedOperation": ErrorEffect.FAILURE,
}

CALLS: dict[tuple[str, str], dict[str, ErrorEffect]] = {
    ("dynamodb", "GetItem"): _DYNAMODB_ERRORS,
    ("dynamodb", "BatchGetItem"): _DYNAMODB_ERRORS,
    ("dynamodb", "Scan"): _DYNAMODB_ERRORS,
    ("dynamodb", "PutItem"): _DYNAMODB_WRITE_ERRORS,
    ("dynamodb", "UpdateItem"): _DYNAMODB_WRITE_ERRORS,
    ("dynamodb", "Query"): dict.fromkeys(_DYNAMODB_ERRORS, ErrorEffect.DELAY),
    ("dynamodb", "TransactWriteItems"): {
        code: ErrorEffect.DELAY if effect is ErrorEffect.FAILURE else effect
        for code, effect in _DYNAMODB_TRANSACTION_ERRORS.items()
    },
    ("s3", "GetObject"): _S3_ERRORS
    | {
        "404": ErrorEffect.RESULT,
        "NoSuchKey": ErrorEffect.RESULT,
        "NoSuchVersion": ErrorEffect.RESULT,
        "NotFound": ErrorEffect.RESULT,
        "403": ErrorEffect.FAILURE,
        "503": ErrorEffect.FAILURE,
        "InvalidObjectState": ErrorEffect.FAILURE,
    },
    ("s3", "PutObject"): _S3_ERRORS
    | {
        "BadDigest": ErrorEffect.FAILURE,
        "EncryptionTypeMismatch": ErrorEffect.FAILURE,
        "InvalidWriteOffset": ErrorEffect.FAILURE,
        "TooManyParts": ErrorEffect.FAILURE,
    },
    ("sqs", "SendMessageBatch"): _SQS_ERRORS
    | {
        "BatchEntryIdsNotDistinct": ErrorEffect.FAILURE,
        "BatchRequestTooLong": ErrorEffect.FAILURE,
        "EmptyBatchRequest": ErrorEffect.FAILURE,
        "InvalidBatchEntryId": ErrorEffect.FAILURE,
        "TooManyEntriesInBatchRequest": ErrorEffect.FAILURE,
        "InvalidMessageContents": ErrorEffect.FAILURE,
        "KmsAccessDenied": ErrorEffect.FAILURE,
        "KmsDisabled": ErrorEffect.FAILURE,
        "KmsInvalidKeyUsage": ErrorEffect.FAILURE,
        "KmsInvalidState": ErrorEffect.FAILURE,
        "KmsNotFound": ErrorEffect.FAILURE,
        "KmsOptInRequired": ErrorEffect.FAILURE,
        "KmsThrottled": ErrorEffect.FAILURE,
    },
    ("sqs", "ChangeMessageVisibilityBatch"): _SQS_ERRORS
    | {
        "BatchEntryIdsNotDistinct": ErrorEffect.FAILURE,
        "EmptyBatchRequest": ErrorEffect.FAILURE,
        "InvalidBatchEntryId": ErrorEffect.FAILURE,
        "TooManyEntriesInBatchRequest": ErrorEffect.FAILURE,
    },
}
