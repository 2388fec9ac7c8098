"""Reads what a stranger posts."""

import base64
import binascii
import hashlib
import json
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from imagescan.errors import BadInput, TooLarge, UnsupportedType
from imagescan.images import MAX_STORED_BYTES, AnnouncedImage, CheckedImage, ImageType, check
from imagescan.labels import LOWEST_CONFIDENCE, MatchMode, Question

MAX_LABELS = 25
MAX_ENTRIES = 25
MAX_REFERENCE_BYTES = 1024
_FINGERPRINT_DIGITS = 32  # more would take the rows of many answered requests over the kilobyte that a write unit pays
MAX_KEY_LENGTH = 255

HINTS = {
    "entries": f"'entries' must be a list of 1 to {MAX_ENTRIES} objects",
    "file": "'file' must be the image's bytes as a base64 string",
    "sha256": "'sha256' must be the SHA-256 of the image's bytes: 64 lower-case hexadecimal digits, beside 'size'",
    "size": "'size' must be the number of the image's bytes, with 'sha256' beside it",
    "fileType": '\'fileType\' must be the string "image/jpeg" or "image/png"',
    "label": "'label' must be 1 to 100 characters of text",
    "labels": f"'labels' must be a list of 1 to {MAX_LABELS} labels of 1 to 100 characters, with no 'label' beside it",
    "match": '\'match\' must be "any", "all" or "none"',
    "min_confidence": f"'min_confidence' must be a number from {LOWEST_CONFIDENCE:g} to 100",
    "idempotency_key": f"'idempotency_key' must be 1 to {MAX_KEY_LENGTH} visible ASCII characters",
    "reference": f"'reference' must be a string of at most {MAX_REFERENCE_BYTES:,} bytes",
}

_BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))

type LabelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class QuestionBody(BaseModel):
    """What is asked. Fields that are not known are passed over."""

    model_config = ConfigDict(strict=True)

    label: LabelName | None = None
    labels: Annotated[list[LabelName], Field(min_length=1, max_length=MAX_LABELS)] | None = None
    match: Literal["any", "all", "none"] = "any"
    min_confidence: Annotated[float, Field(ge=LOWEST_CONFIDENCE, le=100, allow_inf_nan=False)] | None = None

    def question(self, default_label: str, default_confidence: float) -> Question:
        """The question, completed by the defaults. Raises BadInput when both 'label' and 'labels' are given."""
        if self.label and self.labels:
            raise _wrong("labels")
        labels = self.labels or [self.label or default_label]
        return Question(tuple(dict.fromkeys(labels)), self.min_confidence or default_confidence, MatchMode(self.match))


class SubmitBody(QuestionBody):
    """The body of POST /scanrequest: an image, or the announcement of one, and a question."""

    file: str | None = None
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    fileType: str  # noqa: N815 - the public contract's spelling
    reference: str | None = None

    def image(self) -> CheckedImage | AnnouncedImage:
        """The image. Raises BadInput, TooLarge or UnsupportedType when it cannot be taken."""
        if self.file is not None and (self.sha256 or self.size):
            raise _wrong("file", "sha256")
        if self.file is not None:
            return check(decoded(self.file), self._image_type())
        if self.sha256 is None and self.size is None:
            raise BadInput("missing_file", f"{HINTS['file']}; or send 'sha256' and 'size' to upload it to S3 yourself.")
        if self.sha256 is None or self.size is None:
            raise _wrong("sha256" if self.size else "size")
        if self.size > MAX_STORED_BYTES:
            raise TooLarge("file_too_large", f"An image may have at most {MAX_STORED_BYTES:,} bytes. Scale it down.")
        return AnnouncedImage(self.sha256, self.size, self._image_type())

    def checked_reference(self) -> str | None:
        """The caller's reference. Raises BadInput when it is too long."""
        if self.reference is not None and len(self.reference.encode()) > MAX_REFERENCE_BYTES:
            raise _wrong("reference")
        return self.reference

    def _image_type(self) -> ImageType:
        try:
            return ImageType(self.fileType)
        except ValueError:
            raise UnsupportedType(
                "unsupported_type", f"{HINTS['fileType']}. Convert other images to one of them."
            ) from None


class EntryBody(SubmitBody):
    """One entry of POST /scanrequests. Its key is what the header is to POST /scanrequest."""

    idempotency_key: Annotated[str, StringConstraints(pattern=f"^[ -~]{{1,{MAX_KEY_LENGTH}}}$")] | None = None


class ManyBody(BaseModel):
    """The body of POST /scanrequests: entries that are each read by themselves, so that one spoils no other."""

    model_config = ConfigDict(strict=True)

    entries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ENTRIES)]


def read[B: BaseModel](kind: type[B], body: str | None) -> B:
    """The body, checked field by field. Raises BadInput with a sentence for each field that is wrong."""
    try:
        return kind.model_validate_json(body or "")
    except ValidationError as error:
        raise _rejection(error) from None


def read_entry(entry: dict[str, Any]) -> EntryBody:
    """One entry of many: the announcement of an image, with a question. Raises BadInput as ``read`` does."""
    if "file" in entry:
        raise BadInput(
            "invalid_file", "Entries announce 'sha256' and 'size'. Post a 'file' by itself, to /scanrequest."
        )
    return read(EntryBody, json.dumps(entry))


def fingerprint(image: CheckedImage | AnnouncedImage, sent: SubmitBody) -> str:
    """What two bodies share that ask the same of the same image, whichever way its bytes come.

    It is of what was sent: what was left to the service stays the same when its defaults change.
    """
    labels = sent.labels or (sent.label and [sent.label])
    asked = [image.hash, image.type, image.size, labels, sent.match, sent.min_confidence, sent.reference]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def decoded(file: str) -> bytes:
    """The bytes that standard base64 stands for. Raises BadInput for all else, line breaks among it."""
    if not _may_be_of_another_alphabet(file):
        with suppress(ValidationError):  # of stray bits at the end, where Python's decoder is the laxer one
            return _BASE64.validate_strings(file)
    try:
        return base64.b64decode(file, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(
            "not_base64", "'file' is not base64. Send the standard alphabet without line breaks or a 'data:' prefix."
        ) from None


def _may_be_of_another_alphabet(file: str) -> bool:
    """What pydantic's decoder takes beside standard base64. It takes a fifth of the time of Python's."""
    return len(file) % 4 != 0 or "-" in file or "_" in file


def _wrong(*fields: str) -> BadInput:
    return BadInput(f"invalid_{fields[0]}", "; ".join(HINTS[field] for field in fields) + ".")


def _rejection(error: ValidationError) -> BadInput:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    fields = list(dict.fromkeys(str(each["loc"][0]) for each in wrong if each["loc"]))
    if not fields:
        return BadInput(
            "invalid_json", 'The body must be a JSON object such as {"file": "<base64>", "fileType": "image/jpeg"}.'
        )
    missing = [str(each["loc"][0]) for each in wrong if each["type"] == "missing"]
    return BadInput(f"missing_{missing[0]}", _wrong(*fields).message) if missing else _wrong(*fields)
