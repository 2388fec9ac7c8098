"""How each feature calls Rekognition and stores what it found."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from imagescan.aws.detect_labels import detect_labels
from imagescan.aws.detect_moderation_labels import (
    decode_moderation_labels,
    detect_moderation_labels,
    encode_moderation_labels,
)
from imagescan.aws.detect_text import decode_text_lines, detect_text, encode_text_lines
from imagescan.aws.label_codec import decode_labels, encode_labels
from imagescan.domain.detection import Detection
from imagescan.domain.feature import Feature
from imagescan.domain.match import Finding


class FeatureAdapter(NamedTuple):
    """``detect`` calls Rekognition with its client and the location of an image. The others convert findings."""

    detect: Callable[[Any, Any], Detection]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], tuple[Finding, ...]]


FEATURE_ADAPTERS: Mapping[Feature, FeatureAdapter] = {
    Feature.LABELS: FeatureAdapter(detect_labels, encode_labels, decode_labels),
    Feature.MODERATION: FeatureAdapter(detect_moderation_labels, encode_moderation_labels, decode_moderation_labels),
    Feature.TEXT: FeatureAdapter(detect_text, encode_text_lines, decode_text_lines),
}
