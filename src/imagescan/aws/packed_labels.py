"""Labels as they are stored: JSON, compressed by a dictionary of what labels are often made of.

A row of up to 1 KB costs one unit to write. With the dictionary the usual picture's stays below it.
"""

import json
import zlib
from functools import lru_cache
from typing import Any

import orjson

from imagescan.labels import Box, Label

# Rekognition's categories and usual names, the commonest last: Deflate refers the sooner to what is near.
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
# The shape of labels, beside which none stands nearer.
_SHAPE = '"]]],["Adult",98.,["Person"],["Human"],["Pet",97.,["Animal"],[],["Animals and Pets"],[]],["'
DICTIONARY = (_WORDS.replace("|", '","') + _SHAPE).encode()
"""Never to be changed, not by a byte: what was packed with it is read with it."""


@lru_cache(maxsize=16)  # an image's labels go into its own row and into that of each request that waits for it
def packed(labels: tuple[Label, ...]) -> bytes:
    """What ``unpacked`` reads."""
    compressor = zlib.compressobj(level=9, zdict=DICTIONARY)
    plain = json.dumps([_plain(label) for label in labels], separators=(",", ":")).encode()
    return compressor.compress(plain) + compressor.flush()


def unpacked(content: bytes) -> tuple[Label, ...]:
    """Raises zlib.error for what ``packed`` did not write."""
    plain = zlib.decompressobj(zdict=DICTIONARY).decompress(content)
    return tuple(_label(fields) for fields in orjson.loads(plain))


def _plain(label: Label) -> list[Any]:
    boxes = [[box.left, box.top, box.width, box.height, box.confidence] for box in label.boxes]
    return [label.name, label.confidence, label.parents, label.aliases, label.categories, boxes]


def _label(fields: list[Any]) -> Label:
    name, confidence, parents, aliases, categories, boxes = fields
    return Label(name, confidence, tuple(parents), tuple(aliases), tuple(categories), tuple(Box(*box) for box in boxes))
