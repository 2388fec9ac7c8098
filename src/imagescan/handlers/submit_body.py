"""Reads what a stranger posts."""

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from imagescan.errors import BadInput, UnsupportedType
from imagescan.images import ImageType
from imagescan.labels import LOWEST_CONFIDENCE

_HINTS = {
    "file": "'file' must be the image's bytes as a base64 string",
    "fileType": '\'fileType\' must be a string: "image/jpeg" or "image/png"',
    "label": "'label' must be 1 to 100 characters of text",
    "min_confidence": f"'min_confidence' must be a number from {LOWEST_CONFIDENCE:g} to 100",
}


class SubmitBody(BaseModel):
    """The body of POST /scanrequest. Fields that are not known are passed over."""

    model_config = ConfigDict(strict=True)

    file: str
    fileType: str  # noqa: N815 - the public contract's spelling
    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    min_confidence: Annotated[float, Field(ge=LOWEST_CONFIDENCE, le=100, allow_inf_nan=False)] | None = None

    @property
    def image_type(self) -> ImageType:
        """The type it is said to be. Raises UnsupportedType for any but JPEG and PNG."""
        try:
            return ImageType(self.fileType)
        except ValueError:
            raise UnsupportedType(
                "unsupported_type",
                '\'fileType\' must be "image/jpeg" or "image/png". Convert other images to one of them.',
            ) from None

    @property
    def content(self) -> bytes:
        """The image's bytes. Raises BadInput when they are not base64."""
        try:
            return base64.b64decode(self.file, validate=True)
        except (binascii.Error, ValueError):
            raise BadInput(
                "not_base64",
                "'file' is not base64. Send the standard alphabet without line breaks or a 'data:' prefix.",
            ) from None


def read(body: str | None) -> SubmitBody:
    """The body, checked field by field. Raises BadInput with a sentence for each field that is wrong."""
    try:
        return SubmitBody.model_validate_json(body or "")
    except ValidationError as error:
        raise _rejection(error) from None


def _rejection(error: ValidationError) -> BadInput:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    fields = list(dict.fromkeys(str(each["loc"][0]) for each in wrong if each["loc"]))
    if not fields:
        return BadInput(
            "invalid_json", 'The body must be a JSON object such as {"file": "<base64>", "fileType": "image/jpeg"}.'
        )
    missing = [str(each["loc"][0]) for each in wrong if each["type"] == "missing"]
    code = f"missing_{missing[0]}" if missing else f"invalid_{fields[0]}"
    return BadInput(code, "; ".join(_HINTS[field] for field in fields) + ".")
