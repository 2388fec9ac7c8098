"""Encodes labels for storage: JSON, compressed with a preset dictionary of frequent names.

An item of up to 1 KB costs one write unit. With the dictionary, the item of a typical image stays below that.
"""

import json
import zlib
from functools import lru_cache
from typing import Any

import orjson

from imagescan.domain.labels import Label
from imagescan.domain.match import Box

# Rekognition's categories and frequent names, the most frequent last, because Deflate encodes short distances better.
_WORDS = (
    "Actions|Beauty and Personal Care|Colors and Visual Composition|Damage Detection|Education|"
    "Events and Attractions|Expressions and Emotions|Health and Fitness|Hobbies and Interests|Industries|"
    "Materials|Medical|Offices and Workspaces|Patterns and Shapes|Performing Arts|Popular Landmarks|Professions|"
    "Public Safety|Religion|Symbols and Flags|Text and Documents|Tools and Machinery|Toys and Gaming|"
    "Travel and Adventure|Weapons and Military|Everyday Objects|Kitchen and Dining|Home Appliances|Sports|"
    "Technology and Computing|Transport and Logistics|Apparel and Accessories|Food and Beverage|"
    "Plants and Flowers|Vehicles and Automotive|Nature and Outdoors|Buildings and Architecture|"
    "Furniture and Furnishings|Home and Indoors|Person Description|Animals and Pets|Advertisement|Airplane|"
    "Aircraft|Art|Baby|Backpack|Ball|Bag|Beach|Bed|Beverage|Bicycle|Bike|Bird|Boat|Book|Bottle|Bowl|Bread|Bus|"
    "Cake|Camera|Chair|Clock|Coat|Coffee Cup|Computer|Computer Keyboard|Couch|Sofa|Countryside|Crowd|Cup|Dessert|"
    "Dining Table|Document|Dress|Electronics|Phone|Mobile Phone|Laptop|Monitor|Screen|Hardware|Fashion|Field|"
    "Flower|Forest|Vegetation|Woodland|Fruit|Glasses|Garden|Grass|Hair|Handbag|Hat|Head|Horizon|Horse|Cow|Sheep|"
    "Insect|Invertebrate|Jacket|Lamp|Land|Landscape|License|Light|Lighting|Living Room|Logo|Machine|Wheel|Spoke|"
    "Tire|Meal|Lunch|Dinner|Motorcycle|Mountain|Night|Ocean|Sea|Shoreline|Coast|Office Building|Pants|Jeans|"
    "Paper|Path|Pedestrian|Performer|Performance|Photobombing|Pizza|Poster|Publication|Reading|Restaurant|Road|"
    "Tarmac|Asphalt|Freeway|Highway|Sedan|Coupe|Sports Car|Shirt|Shoe|Footwear|Skating|Sky|Cloud|Weather|Snow|"
    "Soil|Suit|Formal Wear|Sunglasses|Tie|Tower|Town|Neighborhood|Downtown|Metropolis|Street|Train|Truck|Vehicle|"
    "Transportation|Car|Automobile|Walking|Water|Waterfront|Window|Wood|Writing|Text|Number|Symbol|Sign|"
    "Photography|Portrait|Selfie|Face|Happy|Smile|Accessories|Clothing|T-Shirt|Boy|Girl|Child|Teen|Man|Male|"
    "Woman|Female|Adult|Human|Person|People|Sitting|Standing|Sport|Skateboard|Food|Cup|Tableware|Cutlery|Plate|"
    "Furniture|Table|Desk|Tabletop|Cabinet|Shelf|Home Decor|Cushion|Rug|Floor|Flooring|Interior Design|Bedroom|"
    "Kitchen|Room|Indoors|Housing|House|Urban|City|Building|Architecture|Tree|Potted Plant|Plant|Nature|Outdoors|"
    "Scenery|Wildlife|Puppy|Canine|Dog|Feline|Kitten|Cat|Pet|Mammal|Animal"
)
# The structure of encoded labels, which is the most frequent content.
_SHAPE = '"]]],["Adult",98.,["Person"],["Human"],["Pet",97.,["Animal"],[],["Animals and Pets"],[]],["'
DICTIONARY = (_WORDS.replace("|", '","') + _SHAPE).encode()
"""Do not change a single byte: stored labels can be decoded only with the dictionary that encoded them."""


@lru_cache(maxsize=16)  # the same labels go into the image's item and into that of each pending request
def encode_labels(labels: tuple[Label, ...]) -> bytes:
    """Return the labels in compressed form."""
    compressor = zlib.compressobj(level=9, zdict=DICTIONARY)
    plain = json.dumps([_to_list(label) for label in labels], separators=(",", ":")).encode()
    return compressor.compress(plain) + compressor.flush()


def decode_labels(content: bytes) -> tuple[Label, ...]:
    """Return the labels that ``encode_labels`` encoded. Raise zlib.error for other content."""
    plain = zlib.decompressobj(zdict=DICTIONARY).decompress(content)
    return tuple(_from_list(fields) for fields in orjson.loads(plain))


def _to_list(label: Label) -> list[Any]:
    boxes = [[box.left, box.top, box.width, box.height, box.confidence] for box in label.boxes]
    return [label.name, label.confidence, label.parents, label.aliases, label.categories, boxes]


def _from_list(fields: list[Any]) -> Label:
    name, confidence, parents, aliases, categories, boxes = fields
    return Label(name, confidence, tuple(parents), tuple(aliases), tuple(categories), tuple(Box(*box) for box in boxes))
