"""Models of the request bodies. They validate untrusted input."""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json

from imagescan.domain.errors import BadInput, TooLarge, UnsupportedType
from imagescan.domain.feature import OTHER_FEATURES, Feature
from imagescan.domain.image import MAX_STORED_BYTES, DeclaredImage, ValidatedImage, validate_image
from imagescan.domain.image_header import ImageType
from imagescan.domain.labels import LOWEST_CONFIDENCE, MAX_LABEL_LENGTH, is_valid_label
from imagescan.domain.question import MatchMode, Question

MAX_LABELS = 25
MAX_ENTRIES = 25
MAX_REFERENCE_BYTES = 1024
_PAYLOAD_HASH_DIGITS = 32  # a full hash would push many answered items over the 1 KB of one write unit
MAX_KEY_LENGTH = 255

HINTS = {
    "entries": f"'entries' must be a list of 1 to {MAX_ENTRIES} objects",
    "file": "'file' must be the bytes of the image as a base64 string",
    "sha256": "'sha256' must be the SHA-256 of the image: 64 lower-case hex digits. Send it together with 'size'",
    "size": "'size' must be the size of the image in bytes. Send it together with 'sha256'",
    "fileType": '\'fileType\' must be the string "image/jpeg" or "image/png"',
    "label": f"'label' must be a string of 1 to {MAX_LABEL_LENGTH} characters, at least one of them visible",
    "labels": (
        f"'labels' must be a list of 1 to {MAX_LABELS} labels of 1 to {MAX_LABEL_LENGTH} characters, at least one of "
        "them visible. Do not send 'label' as well"
    ),
    "moderation": (
        f"'moderation' must be a list of 1 to {MAX_LABELS} moderation labels of 1 to {MAX_LABEL_LENGTH} characters, or "
        'of "*" for any'
    ),
    "text": f"'text' must be a list of 1 to {MAX_LABELS} words or phrases of 1 to {MAX_LABEL_LENGTH} characters",
    "features": '\'features\' must be a list of "labels", "moderation" and "text", each at most once',
    "match_mode": '\'match_mode\' must be "any", "all" or "none"',
    "min_confidence": f"'min_confidence' must be a number from {LOWEST_CONFIDENCE:g} to 100",
    "idempotency_key": f"'idempotency_key' must be 1 to {MAX_KEY_LENGTH} printable ASCII characters",
    "reference": f"'reference' must be a string of at most {MAX_REFERENCE_BYTES:,} bytes",
}

_IGNORED_FIELDS = frozenset(("debugData",))
"""Fields of a body that have no effect, because clients send the query parameter of this name there too."""
_MAX_SHOWN_NAME = 40

_CONFIG = ConfigDict(strict=True, json_schema_extra={"additionalProperties": False})
_BASE64 = TypeAdapter(bytes, config=ConfigDict(val_json_bytes="base64"))


def _validated_label(label: str) -> str:
    if not is_valid_label(label):
        raise ValueError(label)
    return label


type LabelName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL_LENGTH),
    AfterValidator(_validated_label),
]


type Names = Annotated[list[LabelName], Field(min_length=1, max_length=MAX_LABELS)]


def _distinct(features: list[str]) -> list[str]:
    if len(set(features)) < len(features):
        raise ValueError(features)
    return features


class QuestionBody(BaseModel):
    """A question."""

    model_config = _CONFIG

    label: LabelName | None = None
    labels: Names | None = None
    moderation: Names | None = None
    text: Names | None = None
    features: (
        Annotated[
            list[Literal["labels", "moderation", "text"]],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
            AfterValidator(_distinct),
        ]
        | None
    ) = None
    match_mode: Literal["any", "all", "none"] = "any"
    min_confidence: Annotated[float, Field(ge=LOWEST_CONFIDENCE, le=100, allow_inf_nan=False)] | None = None

    def question(self, default_label: str, default_confidence: float) -> Question:
        """Return the question, completed by the defaults. Raise BadInput if both 'label' and 'labels' are given.

        The default label is asked for only if nothing else is requested.
        """
        if self.label and self.labels:
            raise _invalid("labels")
        others = self._others()
        labels = self.labels or ([self.label] if self.label else [] if others else [default_label])
        return Question(
            tuple(dict.fromkeys(labels)), self.min_confidence or default_confidence, MatchMode(self.match_mode), others
        )

    def _others(self) -> tuple[tuple[Feature, tuple[str, ...]], ...]:
        """Return what is asked of features other than labels, and the features that are only scanned."""
        asked = {feature: tuple(dict.fromkeys(getattr(self, feature) or ())) for feature in OTHER_FEATURES}
        has_labels = bool(self.label or self.labels)
        scanned = {Feature(name) for name in self.features or ()} - ({Feature.LABELS} if has_labels else set())
        return tuple((each, asked.get(each, ())) for each in Feature if asked.get(each) or each in scanned)


class SubmitBody(QuestionBody):
    """The body of POST /scanrequest: an image, or the hash and size of one to upload, and a question."""

    file: str | None = None
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    fileType: str  # noqa: N815 - the public contract's spelling
    reference: str | None = None

    def image(self) -> ValidatedImage | DeclaredImage:
        """Return the image. Raise BadInput, TooLarge or UnsupportedType if it cannot be accepted."""
        if self.file is not None and (self.sha256 or self.size):
            raise BadInput("invalid_file", "Send either 'file', or 'sha256' and 'size' for a direct upload, not both.")
        if self.file is not None:
            return validate_image(decode_base64(self.file), self._image_type())
        if self.sha256 is None and self.size is None:
            raise BadInput("missing_file", "Send 'file', or 'sha256' and 'size' for a direct upload.")
        if self.sha256 is None or self.size is None:
            raise _invalid("sha256" if self.size else "size")
        if self.size > MAX_STORED_BYTES:
            raise TooLarge(
                "file_too_large",
                f"The image has {self.size:,} bytes. The maximum is {MAX_STORED_BYTES:,} bytes. Scale it down.",
            )
        return DeclaredImage(self.sha256, self.size, self._image_type())

    def validated_reference(self) -> str | None:
        """Return the caller's reference. Raise BadInput if it is too long."""
        if self.reference is not None and len(self.reference.encode()) > MAX_REFERENCE_BYTES:
            raise _invalid("reference")
        return self.reference

    def _image_type(self) -> ImageType:
        try:
            return ImageType(self.fileType)
        except ValueError:
            raise UnsupportedType(
                "unsupported_type", f"{HINTS['fileType']}. Convert other images to one of these types."
            ) from None


class EntryBody(SubmitBody):
    """One entry of POST /scanrequests. Its key works like the header of POST /scanrequest."""

    idempotency_key: Annotated[str, StringConstraints(pattern=f"^[ -~]{{1,{MAX_KEY_LENGTH}}}$")] | None = None


class BatchBody(BaseModel):
    """The body of POST /scanrequests. Each entry is validated separately, so that an error affects only its entry."""

    model_config = _CONFIG

    entries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ENTRIES)]


def read[B: BaseModel](kind: type[B], body: str | None) -> B:
    """Parse and validate the body. Raise BadInput for an unknown field, or with a sentence for each invalid field."""
    try:
        content = from_json(body or "")
    except ValueError:
        raise _invalid_json() from None
    return _validate(kind, content)


def read_entry(entry: dict[str, Any]) -> EntryBody:
    """Parse and validate one entry of a batch. Raise BadInput as ``read`` does."""
    if "file" in entry:
        raise BadInput(
            "invalid_file",
            "Batch entries do not accept 'file'. Use 'sha256' and 'size', or POST the file to /scanrequest.",
        )
    return _validate(EntryBody, entry)


def payload_hash(image: ValidatedImage | DeclaredImage, body: SubmitBody) -> str:
    """Return a hash that is equal for two bodies with the same question about the same image, however it is sent.

    It covers what the client sent. Values left to the service do not count, so that its defaults can change.
    """
    labels = body.labels or (body.label and [body.label])
    payload = [image.hash, image.type, image.size, labels, body.match_mode, body.min_confidence, body.reference]
    asked = {"labels": labels, "moderation": body.moderation, "text": body.text}
    only_scanned = sorted(name for name in body.features or () if not asked[name])
    others = {"moderation": body.moderation, "text": body.text, "features": only_scanned}
    payload += [{name: value for name, value in others.items() if value}] if any(others.values()) else []
    return hashlib.sha256(json.dumps(payload).encode()).hexdigest()[:_PAYLOAD_HASH_DIGITS]


def decode_base64(file: str) -> bytes:
    """Decode standard base64. Raise BadInput for anything else, including line breaks."""
    if not _may_use_another_alphabet(file):
        with suppress(ValidationError):  # raised for stray bits at the end, which Python's decoder accepts
            return _BASE64.validate_strings(file)
    try:
        return base64.b64decode(file, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(
            "not_base64",
            "'file' is not valid base64. Use the standard alphabet, without line breaks or a 'data:' prefix.",
        ) from None


def _may_use_another_alphabet(file: str) -> bool:
    """Return whether the text may be base64 that only pydantic's decoder accepts.

    That decoder is used first because it takes a fifth of the time of Python's.
    """
    return len(file) % 4 != 0 or "-" in file or "_" in file


def _invalid(*fields: str) -> BadInput:
    return BadInput(f"invalid_{fields[0]}", ". ".join(HINTS[field] for field in fields) + ".")


def _validate[B: BaseModel](kind: type[B], content: object) -> B:
    if isinstance(content, dict):
        _reject_unknown_fields(content, kind.model_fields)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _to_bad_input(error) from None


def _reject_unknown_fields(content: Mapping[str, object], known: Collection[str]) -> None:
    """Raise BadInput for the first field that is not known.

    pydantic could reject them too, but it would keep an error for each of the 500,000 names that a body can contain.
    """
    unknown = next((name for name in content if name not in known and name not in _IGNORED_FIELDS), None)
    if unknown is not None:
        shown = "".join(each if each.isprintable() else "?" for each in unknown[:_MAX_SHOWN_NAME])
        raise BadInput("unknown_field", f"Unknown field '{shown}'. {_suggestion(shown, known)}")


def _suggestion(unknown: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only this error needs it, and it slows down a cold start

    by_folded_name = {name.casefold(): name for name in known}
    closest = get_close_matches(unknown.casefold(), by_folded_name, n=1)
    if closest:
        return f"Did you mean '{by_folded_name[closest[0]]}'?"
    return f"Known fields: {', '.join(f"'{name}'" for name in known)}."


def _invalid_json() -> BadInput:
    return BadInput(
        "invalid_json", 'The body must be a JSON object such as {"file": "<base64>", "fileType": "image/jpeg"}.'
    )


def _to_bad_input(error: ValidationError) -> BadInput:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    fields = list(dict.fromkeys(str(each["loc"][0]) for each in errors if each["loc"]))
    if not fields:
        return _invalid_json()
    missing = [str(each["loc"][0]) for each in errors if each["type"] == "missing"]
    return BadInput(f"missing_{missing[0]}", _invalid(*fields).message) if missing else _invalid(*fields)
