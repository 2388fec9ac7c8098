"""Encoded labels are lossless and small, and labels that were encoded without the dictionary remain readable."""

import json
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sample_photos import detected_labels
from imagescan.aws.detect_labels import _label
from imagescan.aws.label_codec import DICTIONARY, decode_labels, encode_labels
from imagescan.domain.labels import Label
from imagescan.domain.match import Box

DICTIONARY_SHA256 = "91d4f1cc2732f951f0f2671ddec5b4807964f5de9c06dfe9241af3c158910d6d"
PERCENTAGES = st.floats(0, 100)
NAMES = st.lists(st.text(max_size=20), max_size=3).map(tuple)
BOXES = st.builds(Box, *[st.floats(0, 1)] * 4, PERCENTAGES)
LABELS = st.builds(
    Label, st.text(max_size=20), PERCENTAGES, NAMES, NAMES, NAMES, st.lists(BOXES, max_size=3).map(tuple)
)


@given(st.lists(LABELS, max_size=5).map(tuple))
def test_decoding_returns_the_encoded_labels(labels: tuple[Label, ...]) -> None:
    assert decode_labels(encode_labels(labels)) == labels


def test_the_dictionary_is_the_one_that_encoded_the_stored_items() -> None:
    """Another dictionary makes every stored answer unreadable. To introduce one, keep this one for decoding."""
    assert sha256(DICTIONARY).hexdigest() == DICTIONARY_SHA256


def test_labels_that_were_encoded_without_the_dictionary_are_decoded() -> None:
    plain = json.dumps([["Cat", 97.5, ["Animal"], ["Feline"], ["Animals and Pets"], [[0.1, 0.2, 0.3, 0.4, 96.0]]]])
    [label] = decode_labels(zlib.compress(plain.encode()))
    assert (label.name, label.parents, label.boxes) == ("Cat", ("Animal",), (Box(0.1, 0.2, 0.3, 0.4, 96.0),))


def test_other_content_raises_an_error() -> None:
    with pytest.raises(zlib.error):
        decode_labels(b"labels")


def test_the_dictionary_saves_a_quarter_of_the_size_of_typical_labels() -> None:
    labels = tuple(_label(label) for label in detected_labels(1))  # type: ignore[arg-type]  # a response of Rekognition
    plain = zlib.decompressobj(zdict=DICTIONARY).decompress(encode_labels(labels))
    assert len(encode_labels(labels)) < 0.75 * len(zlib.compress(plain, level=9))
