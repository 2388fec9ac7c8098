"""Labels as they are stored: they come back as they were, in few bytes, also from before there was a dictionary."""

import json
import zlib
from hashlib import sha256

import pytest
from benchmarks.photograph import seen
from hypothesis import given
from hypothesis import strategies as st

from imagescan.aws.label_codec import DICTIONARY, decode_labels, encode_labels
from imagescan.aws.rekognition import _label
from imagescan.domain.labels import Box, Label

DIGEST = "91d4f1cc2732f951f0f2671ddec5b4807964f5de9c06dfe9241af3c158910d6d"
PERCENT = st.floats(0, 100)
WORDS = st.lists(st.text(max_size=20), max_size=3).map(tuple)
BOXES = st.builds(Box, *[st.floats(0, 1)] * 4, PERCENT)
LABELS = st.builds(Label, st.text(max_size=20), PERCENT, WORDS, WORDS, WORDS, st.lists(BOXES, max_size=3).map(tuple))


@given(st.lists(LABELS, max_size=5).map(tuple))
def test_labels_come_back_as_they_were(labels: tuple[Label, ...]) -> None:
    assert decode_labels(encode_labels(labels)) == labels


def test_the_dictionary_is_the_one_that_stored_rows_were_packed_with() -> None:
    """Another one makes every stored answer unreadable. Who needs another has to keep this one to read with."""
    assert sha256(DICTIONARY).hexdigest() == DIGEST


def test_what_was_packed_without_the_dictionary_is_read() -> None:
    plain = json.dumps([["Cat", 97.5, ["Animal"], ["Feline"], ["Animals and Pets"], [[0.1, 0.2, 0.3, 0.4, 96.0]]]])
    [label] = decode_labels(zlib.compress(plain.encode()))
    assert (label.name, label.parents, label.boxes) == ("Cat", ("Animal",), (Box(0.1, 0.2, 0.3, 0.4, 96.0),))


def test_what_is_no_label_is_an_error() -> None:
    with pytest.raises(zlib.error):
        decode_labels(b"labels")


def test_the_dictionary_saves_a_quarter_of_a_usual_pictures_labels() -> None:
    labels = tuple(_label(label) for label in seen(1))  # type: ignore[arg-type]  # as Rekognition answers
    plain = zlib.decompressobj(zdict=DICTIONARY).decompress(encode_labels(labels))
    assert len(encode_labels(labels)) < 0.75 * len(zlib.compress(plain, level=9))
