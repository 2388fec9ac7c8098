"""Every error that the services document for the calls we make, and what becomes of the call that meets it.

Sources: the API references of Amazon Rekognition (DetectLabels), Amazon S3, Amazon DynamoDB and Amazon SQS, their
"Errors" and "Common errors". A test compares the tables with the service models of the installed SDK, so that an
error which is new there fails until it has a row here.
"""

from enum import StrEnum

from imagescan.domain.detection import (
    DetectionError,
    DetectorConfigurationError,
    ImageRejected,
    InvalidParametersError,
    TransientDetectorError,
)

DETECT_LABELS: dict[str, type[DetectionError]] = {
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
}


class Becomes(StrEnum):
    """What becomes of a call that is refused."""

    AN_ANSWER = "an answer"  # the refusal says what was asked: it was there before, it is gone
    A_FAILURE = "a failure"  # whoever called fails: a message comes again, a client is told, a sweep is run again
    A_DELAY = "a delay"  # only settling is put off, which the sweeper finishes


_OF_ANY_CALL = {
    "AccessDeniedException": Becomes.A_FAILURE,
    "InternalServerError": Becomes.A_FAILURE,
    "ProvisionedThroughputExceededException": Becomes.A_FAILURE,
    "RequestLimitExceeded": Becomes.A_FAILURE,
    "ResourceNotFoundException": Becomes.A_FAILURE,
    "ThrottlingException": Becomes.A_FAILURE,
    "ValidationException": Becomes.A_FAILURE,
    "SomethingNobodyHasHeardOf": Becomes.A_FAILURE,
}
_OF_A_WRITE = _OF_ANY_CALL | {
    "ConditionalCheckFailedException": Becomes.AN_ANSWER,
    "ItemCollectionSizeLimitExceededException": Becomes.A_FAILURE,
    "ReplicatedWriteConflictException": Becomes.A_FAILURE,
    "TransactionConflictException": Becomes.A_FAILURE,
}
_OF_A_TRANSACTION = _OF_ANY_CALL | {
    "IdempotentParameterMismatchException": Becomes.A_FAILURE,
    "TransactionCanceledException": Becomes.AN_ANSWER,
    "TransactionInProgressException": Becomes.A_FAILURE,
}
_OF_S3 = {
    "AccessDenied": Becomes.A_FAILURE,
    "InternalError": Becomes.A_FAILURE,
    "InvalidRequest": Becomes.A_FAILURE,
    "NoSuchBucket": Becomes.A_FAILURE,
    "SlowDown": Becomes.A_FAILURE,
    "SomethingNobodyHasHeardOf": Becomes.A_FAILURE,
}
_OF_SQS = {
    "InvalidAddress": Becomes.A_FAILURE,
    "InvalidSecurity": Becomes.A_FAILURE,
    "QueueDoesNotExist": Becomes.A_FAILURE,
    "RequestThrottled": Becomes.A_FAILURE,
    "SomethingNobodyHasHeardOf": Becomes.A_FAILURE,
    "UnsupportedOperation": Becomes.A_FAILURE,
}

CALLS: dict[tuple[str, str], dict[str, Becomes]] = {
    ("dynamodb", "GetItem"): _OF_ANY_CALL,
    ("dynamodb", "BatchGetItem"): _OF_ANY_CALL,
    ("dynamodb", "Scan"): _OF_ANY_CALL,
    ("dynamodb", "PutItem"): _OF_A_WRITE,
    ("dynamodb", "UpdateItem"): _OF_A_WRITE,
    ("dynamodb", "Query"): dict.fromkeys(_OF_ANY_CALL, Becomes.A_DELAY),
    ("dynamodb", "TransactWriteItems"): {
        code: Becomes.A_DELAY if becomes is Becomes.A_FAILURE else becomes
        for code, becomes in _OF_A_TRANSACTION.items()
    },
    ("s3", "HeadObject"): _OF_S3
    | {
        "404": Becomes.AN_ANSWER,
        "NoSuchKey": Becomes.AN_ANSWER,
        "NoSuchVersion": Becomes.AN_ANSWER,
        "NotFound": Becomes.AN_ANSWER,
        "403": Becomes.A_FAILURE,
        "503": Becomes.A_FAILURE,
    },
    ("s3", "GetObject"): _OF_S3 | {"InvalidObjectState": Becomes.A_FAILURE, "NoSuchKey": Becomes.A_FAILURE},
    ("s3", "PutObject"): _OF_S3
    | {
        "BadDigest": Becomes.A_FAILURE,
        "EncryptionTypeMismatch": Becomes.A_FAILURE,
        "InvalidWriteOffset": Becomes.A_FAILURE,
        "TooManyParts": Becomes.A_FAILURE,
    },
    ("sqs", "SendMessage"): _OF_SQS
    | {
        "InvalidMessageContents": Becomes.A_FAILURE,
        "KmsAccessDenied": Becomes.A_FAILURE,
        "KmsDisabled": Becomes.A_FAILURE,
        "KmsInvalidKeyUsage": Becomes.A_FAILURE,
        "KmsInvalidState": Becomes.A_FAILURE,
        "KmsNotFound": Becomes.A_FAILURE,
        "KmsOptInRequired": Becomes.A_FAILURE,
        "KmsThrottled": Becomes.A_FAILURE,
    },
    ("sqs", "ChangeMessageVisibilityBatch"): _OF_SQS
    | {
        "BatchEntryIdsNotDistinct": Becomes.A_FAILURE,
        "EmptyBatchRequest": Becomes.A_FAILURE,
        "InvalidBatchEntryId": Becomes.A_FAILURE,
        "TooManyEntriesInBatchRequest": Becomes.A_FAILURE,
    },
}
