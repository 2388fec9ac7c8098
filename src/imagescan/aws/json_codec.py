"""Encodes findings for storage as compressed JSON."""

import json
import zlib
from functools import lru_cache
from typing import Any

import orjson


@lru_cache(maxsize=16)  # the same findings go into the item of the feature and into that of each pending request
def encode_json(findings: tuple[Any, ...]) -> bytes:
    """Return named tuples as compressed JSON lists."""
    return zlib.compress(json.dumps(findings, separators=(",", ":")).encode(), level=9)


def decode_json(content: bytes) -> Any:
    """Return the lists that were encoded. Raise zlib.error for other content."""
    return orjson.loads(zlib.decompress(content))
