"""Create distinct photos, and typical Rekognition labels for them."""

import random
from pathlib import Path
from typing import Any

from testing.image_variants import with_new_content

SAMPLE = Path(__file__).parents[1] / "samples" / "motorcycle.jpg"

_ANIMAL, _HOME, _BUILDING = "Animals and Pets", "Home and Indoors", "Buildings and Architecture"
_A_CAT, _IN_A_HOUSE = ("Animal", "Cat", "Mammal", "Pet"), ("Architecture", "Building", "Indoors")
# Name, parents, aliases, category and number of boxes of each label: a room with a cat, as DetectLabels returns it with
# a minimum confidence of 25. The example in the AWS CLI reference has 29 labels for a street.
_LABELS: list[tuple[str, tuple[str, ...], tuple[str, ...], str, int]] = [
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


def photo(number: int) -> bytes:
    """Return the sample JPEG with different content for each number."""
    return with_new_content(SAMPLE.read_bytes(), number)


def detected_labels(number: int, boxes: int = 1) -> list[dict[str, Any]]:
    """Return 20 labels as DetectLabels does, with four boxes times ``boxes``. The decimals depend on the number."""
    chance = random.Random(number)  # noqa: S311 - not used for security
    return [
        {
            "Name": name,
            "Confidence": chance.uniform(25, 100),
            "Parents": [{"Name": each} for each in parents],
            "Aliases": [{"Name": each} for each in aliases],
            "Categories": [{"Name": category}],
            "Instances": [_instance(chance) for _ in range(boxed * boxes)],
        }
        for name, parents, aliases, category, boxed in _LABELS
    ]


def _instance(chance: random.Random) -> dict[str, Any]:
    box = {side: chance.random() for side in ("Left", "Top", "Width", "Height")}
    return {"BoundingBox": box, "Confidence": chance.uniform(25, 100)}
