"""Creates requests from request bodies."""

import uuid
from typing import Any, NamedTuple, Protocol

from imagescan.api import request_models
from imagescan.domain.errors import BadInput, LimitExceeded
from imagescan.domain.feature import Feature
from imagescan.domain.image import DeclaredImage, ValidatedImage, upload_key
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.runtime.log import logger
from imagescan.settings import SubmitSettings
from imagescan.use_cases import get_request
from imagescan.use_cases.submit_request import Bucket, Images, Quota, Requests, SubmitResult, submit_request

_KEY_NAMESPACE = uuid.UUID("0d5b4a3e-5a52-4f0e-9d5c-5a4f6d0d6f5e")
"""Requests of one caller with the same key have the same ID, so that the table itself keeps them unique."""


class ReadableRequests(Requests, get_request.Requests, Protocol):
    """Requests that are stored and, while the response is held, read again."""


class Submission(NamedTuple):
    """Collaborators of a submission, its caller, its time in seconds since the epoch, and the quota of the caller."""

    images: Images
    requests: ReadableRequests
    bucket: Bucket
    settings: SubmitSettings
    caller: str | None
    now: float
    quota: Quota | None = None


def create_request(
    body: request_models.SubmitBody, idempotency_key: str | None, submission: Submission
) -> SubmitResult:
    """Submit the request in the body. Raise ApiError if it cannot be accepted."""
    image = body.image()
    request = new_request(
        image,
        body,
        caller=submission.caller,
        idempotency_key=idempotency_key,
        settings=submission.settings,
        now=submission.now,
    )
    owner: dict[str, Any] = {"owner": submission.caller} if submission.caller else {}
    try:
        result = submit_request(
            request,
            image,
            images=submission.images,
            requests=submission.requests,
            bucket=submission.bucket,
            now=submission.now,
            retention_seconds=submission.settings.retention_seconds,
            quota=submission.quota,
        )
    except LimitExceeded as error:
        logger.warning(error.code, image_hash=image.hash, **owner)
        raise
    if result.copy_error:
        logger.warning("copy_failed", request_id=result.request.id, reason=repr(result.copy_error))
    known = result.request.answer is not None
    logger.info("accepted", request_id=result.request.id, image_hash=image.hash, known=known, **owner)
    return result


def new_request(
    image: ValidatedImage | DeclaredImage,
    body: request_models.SubmitBody,
    *,
    caller: str | None,
    idempotency_key: str | None,
    settings: SubmitSettings,
    now: float,
) -> ScanRequest:
    """Return the request in the body. Raise BadInput if its reference is too long."""
    question = body.question(settings.default_label, settings.default_confidence)
    reference = body.validated_reference()
    request_id = _request_id(idempotency_key, caller)
    return ScanRequest(
        id=request_id,
        image_hash=image.hash,
        image_key=_image_key(request_id, image, question),
        question=question,
        created_at=now,
        deadline=now + settings.timeout_seconds,
        awaits_upload=isinstance(image, DeclaredImage),
        reference=reference,
        payload_hash=None if idempotency_key is None else request_models.payload_hash(image, body),
        owner=caller,
    )


def _image_key(request_id: str, image: ValidatedImage | DeclaredImage, question: Question) -> str:
    """Return the object key. Only posted bytes of requests for labels share an object, which is scanned for labels."""
    if isinstance(image, ValidatedImage) and question.features == (Feature.LABELS,):
        return image.key
    return upload_key(request_id, image.hash, image.type)


def validate_idempotency_key(key: str | None) -> str | None:
    """Return the idempotency key, or None if there is none. Raise BadInput for an invalid one."""
    if key is None or (0 < len(key) <= request_models.MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        return key
    raise BadInput(
        "invalid_idempotency_key",
        f"Idempotency-Key must be 1 to {request_models.MAX_KEY_LENGTH} printable ASCII characters.",
    )


def _request_id(idempotency_key: str | None, caller: str | None) -> str:
    if idempotency_key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_KEY_NAMESPACE, f"{caller or ''}\n{idempotency_key}"))
