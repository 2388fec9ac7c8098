"""Photographs that all differ, and what Rekognition says of such a one."""

import random
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parents[1] / "samples" / "motorcycle.jpg"

_ANIMAL, _HOME, _BUILDING = "Animals and Pets", "Home and Indoors", "Buildings and Architecture"
_A_CAT, _IN_A_HOUSE = ("Animal", "Cat", "Mammal", "Pet"), ("Architecture", "Building", "Indoors")
# name, parents, aliases, category, how many of them have a box: a room with a cat, as DetectLabels tells of it from a
# confidence of 25 up. AWS's own example in the command line's reference has 29 labels for a street.
_SEEN: list[tuple[str, tuple[str, ...], tuple[str, ...], str, int]] = [
    ("Cat", ("Animal", "Mammal", "Pet"), ("Feline",), _ANIMAL, 1),
    ("Animal", (), (), _ANIMAL, 0),
    ("Mammal", ("Animal",), (), _ANIMAL, 0),
    ("Pet", ("Animal",), (), _ANIMAL, 0),
    ("Kitten", _A_CAT, (), _ANIMAL, 0),
    ("Manx", _A_CAT, (), _ANIMAL, 0),
    ("Abyssinian", _A_CAT, (), _ANIMAL, 0),
    ("Egyptian Cat", _A_CAT, (), _ANIMAL, 0),
    ("Furniture", (), (), "Furniture and Furnishings", 0),
    ("Couch", ("Furniture",), ("Sofa",), "Furniture and Furnishings", 1),
    ("Cushion", ("Home Decor",), (), _HOME, 0),
    ("Home Decor", (), (), _HOME, 0),
    ("Indoors", (), (), _HOME, 0),
    ("Room", ("Indoors",), (), _HOME, 0),
    ("Living Room", (*_IN_A_HOUSE, "Furniture", "Room"), (), _HOME, 0),
    ("Architecture", (), (), _BUILDING, 0),
    ("Building", ("Architecture",), (), _BUILDING, 0),
    ("Plant", (), (), "Plants and Flowers", 1),
    ("Potted Plant", ("Plant",), (), "Plants and Flowers", 0),
    ("Person", (), ("Human",), "Person Description", 1),
]


def photograph(number: int) -> bytes:
    """The sample JPEG, another one by its bytes for each number."""
    return SAMPLE.read_bytes() + number.to_bytes(4)


def seen(number: int, boxes: int = 1) -> list[dict[str, Any]]:
    """An answer of DetectLabels: 20 labels, and four boxes or so many times as many; other numbers, other decimals."""
    chance = random.Random(number)  # noqa: S311 - nothing is kept secret by it
    return [
        {
            "Name": name,
            "Confidence": chance.uniform(25, 100),
            "Parents": [{"Name": each} for each in parents],
            "Aliases": [{"Name": each} for each in aliases],
            "Categories": [{"Name": category}],
            "Instances": [_instance(chance) for _ in range(boxed * boxes)],
        }
        for name, parents, aliases, category, boxed in _SEEN
    ]


def _instance(chance: random.Random) -> dict[str, Any]:
    box = {side: chance.random() for side in ("Left", "Top", "Width", "Height")}
    return {"BoundingBox": box, "Confidence": chance.uniform(25, 100)}
