"""Makes the row of a new request from what was posted."""

import uuid

from imagescan.errors import BadInput
from imagescan.handlers import bodies
from imagescan.images import AnnouncedImage, CheckedImage
from imagescan.requests import ScanRequest
from imagescan.settings import SubmitSettings

# A caller's requests of the same key have the same id, so that the table itself keeps them one.
_KEYED = uuid.UUID("0d5b4a3e-5a52-4f0e-9d5c-5a4f6d0d6f5e")


def new_request(
    image: CheckedImage | AnnouncedImage,
    sent: bodies.SubmitBody,
    *,
    caller: str | None,
    idempotency_key: str | None,
    settings: SubmitSettings,
    now: float,
) -> ScanRequest:
    """The request that the body asks for. Raises BadInput when its reference cannot be taken."""
    question = sent.question(settings.default_label, settings.default_confidence)
    reference = sent.checked_reference()
    return ScanRequest(
        id=_id(idempotency_key, caller),
        image_hash=image.hash,
        image_key=image.key,
        question=question,
        created_at=now,
        deadline=now + settings.deadline_seconds,
        awaits_upload=isinstance(image, AnnouncedImage),
        reference=reference,
        fingerprint=None if idempotency_key is None else bodies.fingerprint(image, sent),
        owner=caller,
    )


def checked_key(sent: str | None) -> str | None:
    """The idempotency key, where one was sent. Raises BadInput for one that cannot be taken."""
    if sent is None or (0 < len(sent) <= bodies.MAX_KEY_LENGTH and sent.isascii() and sent.isprintable()):
        return sent
    raise BadInput(
        "invalid_idempotency_key", f"Idempotency-Key must be 1 to {bodies.MAX_KEY_LENGTH} visible ASCII characters."
    )


def _id(idempotency_key: str | None, caller: str | None) -> str:
    if idempotency_key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_KEYED, f"{caller or ''}\n{idempotency_key}"))
