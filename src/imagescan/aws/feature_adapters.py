"""How each feature calls Rekognition and stores what it found.

The modules of a feature are imported when it is first used, because most functions need labels only.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from imagescan.domain.feature import Feature

if TYPE_CHECKING:
    from imagescan.domain.detection import Detection
    from imagescan.domain.match import Finding


class FeatureAdapter(NamedTuple):
    """``detect`` calls Rekognition with its client and the location of an image. The others convert findings."""

    detect: "Callable[[Any, Any], Detection]"
    encode: Callable[[Any], bytes]
    decode: "Callable[[bytes], tuple[Finding, ...]]"


@cache
def feature_adapter(feature: Feature) -> FeatureAdapter:
    """Return the adapter of the feature."""
    return _ADAPTERS[feature]()


def _labels() -> FeatureAdapter:
    from imagescan.aws.detect_labels import detect_labels  # noqa: PLC0415
    from imagescan.aws.label_codec import decode_labels, encode_labels  # noqa: PLC0415

    return FeatureAdapter(detect_labels, encode_labels, decode_labels)


def _moderation() -> FeatureAdapter:
    from imagescan.aws.detect_moderation_labels import (  # noqa: PLC0415
        decode_moderation_labels,
        detect_moderation_labels,
    )
    from imagescan.aws.json_codec import encode_json  # noqa: PLC0415

    return FeatureAdapter(detect_moderation_labels, encode_json, decode_moderation_labels)


def _text() -> FeatureAdapter:
    from imagescan.aws.detect_text import decode_text_lines, detect_text  # noqa: PLC0415
    from imagescan.aws.json_codec import encode_json  # noqa: PLC0415

    return FeatureAdapter(detect_text, encode_json, decode_text_lines)


_ADAPTERS: Mapping[Feature, Callable[[], FeatureAdapter]] = {
    Feature.LABELS: _labels,
    Feature.MODERATION: _moderation,
    Feature.TEXT: _text,
}
