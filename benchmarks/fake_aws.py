"""Answer AWS calls immediately and successfully, so that a benchmark measures the service and not an emulator.

Every condition holds, each image has one pending request, and images have numbers. Bytes that were put are returned as
they are. Other objects are the images whose hashes are in their keys.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.fake_rekognition import MODEL_VERSION, label
from testing.images import png
from testing.wire_messages import body_bytes, response

type Item = dict[str, Any]
type Headers = Mapping[str, str]
type Response = tuple[Headers, bytes]

_BOX = {"BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}, "Confidence": 96.0}
# Rekognition returns boxes for objects, but not for labels such as "Animal" or "Outdoors".
LABELS = [
    label(
        f"Label {at}",
        99.0 - at,
        Parents=[{"Name": "Animal"}, {"Name": "Mammal"}],
        Aliases=[{"Name": f"Alias {at}"}],
        Categories=[{"Name": "Animals and Pets"}],
        Instances=[_BOX] if at < 3 else [],  # noqa: PLR2004 - three of ten
    )
    for at in range(10)
]
THREE_FEATURES_FROM = 1_000_000
"""Number of the first image whose request needs three features. The others need labels only."""
_MAX_IMAGES = 4_000  # of either kind
_SET = re.compile(r"(#?\w+) = (?:if_not_exists\(\w+, )?(:\w+)")
_ADD = re.compile(r"ADD (\w+) (:\w+)")
_HASH = re.compile(r"[0-9a-f]{64}")


@cache
def image_for(number: int) -> bytes:
    """Return an image with a content of its own for each number."""
    return png(80, 80, shade=number, pixels=True)


def hash_for(number: int) -> str:
    """Return the hash of the image with this number."""
    return sha256(image_for(number)).hexdigest()


def request_id_for(number: int) -> str:
    """Return the ID of the request for the image with this number."""
    return f"00000000-0000-4000-8000-{number:012}"


@cache
def _numbers() -> dict[str, int]:
    """Return the numbers of the images by their hashes."""
    return {
        hash_for(number): number for first in (0, THREE_FEATURES_FROM) for number in range(first, first + _MAX_IMAGES)
    }


def _number(image_hash: str) -> int:
    """Return the number of the image with this hash. An image that was put has the number 0."""
    return _numbers().get(image_hash, 0)


class FakeAws:
    """Fake of DynamoDB, S3, SQS and Rekognition. It keeps the last written version of each item."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Item]] = defaultdict(dict)
        self._objects: dict[str, bytes] = {}

    def attach(self, client: Any) -> None:
        """Answer every call of this client inside the process, before the SDK sends it."""
        client.meta.events.register("before-send", self._answer)

    def answer(self, method: str, url: str, target: str | None, body: bytes) -> Response:
        """Return the headers and the body for a call. ``target`` names the operation and is None for S3."""
        if target is None:
            return self._S3_METHODS[method](self, urlsplit(url).path, body)  # type: ignore[no-any-return]  # values are Any
        answer = self._JSON_OPERATIONS[target.rpartition(".")[2]](self, json.loads(body))
        return {}, json.dumps(answer).encode()

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        name = target.decode() if isinstance(target, bytes) else target
        headers, body = self.answer(str(request.method), request.url, name, body_bytes(request))
        return response(request, 200, body, **headers)

    def _get_item(self, parameters: Any) -> Any:
        key = _key_in(parameters["Key"])
        item = self._items[parameters["TableName"]].get(key) or _request_for_three_features(key)
        is_complete = item is not None and ("request_id" not in item or "created_at" in item)
        return {"Item": item} if is_complete else {}  # settling alone does not create a request

    def _put_item(self, parameters: Any) -> Any:
        self._items[parameters["TableName"]][parameters["Item"]["request_id"]["S"]] = parameters["Item"]
        return {}

    def _update_item(self, parameters: Any) -> Any:
        item = updated_item(parameters)
        self._items[parameters["TableName"]][_key_in(parameters["Key"])] = item
        return {"Attributes": item} if "ReturnValues" in parameters else {}

    def _batch_get_item(self, parameters: Any) -> Any:
        found = {
            table: [item for key in requested["Keys"] if (item := self._items[table].get(_key_in(key)))]
            for table, requested in parameters["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _get_object(self, path: str, _: bytes) -> Response:
        [image_hash] = _HASH.findall(path)
        number = _number(image_hash)
        headers = {
            "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
            "ETag": '"0"',
            "x-amz-version-id": "1",
            "x-amz-meta-request-id": request_id_for(number),
        }
        return headers, self._objects.get(path) or image_for(number)

    def _put_object(self, path: str, body: bytes) -> Response:
        self._objects[path] = body
        return {"ETag": '"0"'}, b""

    _JSON_OPERATIONS: Mapping[str, Any] = {
        "BatchGetItem": _batch_get_item,
        "GetItem": _get_item,
        "PutItem": _put_item,
        "UpdateItem": _update_item,
        "Query": lambda _, parameters: {
            "Items": [_pending_request(parameters["ExpressionAttributeValues"][":hash"]["S"])]
        },
        "DetectLabels": lambda *_: {"Labels": LABELS, "LabelModelVersion": MODEL_VERSION},
        "ChangeMessageVisibilityBatch": lambda _, parameters: {
            "Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]],
            "Failed": [],
        },
    }
    _S3_METHODS: Mapping[str, Any] = {"GET": _get_object, "PUT": _put_object}


def updated_item(parameters: Any) -> Item:
    """Return the item that an UpdateItem creates if there was none before."""
    names, values = parameters.get("ExpressionAttributeNames", {}), parameters.get("ExpressionAttributeValues", {})
    expression = parameters["UpdateExpression"]
    written = {names.get(name, name): values[at] for name, at in [*_SET.findall(expression), *_ADD.findall(expression)]}
    return {**parameters["Key"], **written}


def _key_in(key: Any) -> str:
    [value] = [value for each in key.values() for value in each.values()]
    return str(value)


def _request_for_three_features(request_id: str) -> Item | None:
    """Return the request for an image from ``THREE_FEATURES_FROM`` on. Others are not stored."""
    end = request_id.rpartition("-")[2]
    is_known = end.isdecimal() and request_id == request_id_for(int(end)) and int(end) >= THREE_FEATURES_FROM
    return _pending_request(hash_for(int(end))) if is_known else None


def _pending_request(image_hash: str) -> Item:
    number = _number(image_hash)
    asked = number >= THREE_FEATURES_FROM
    others: Item = {f"asked_of_{feature}": {"L": [{"S": "*"}]} for feature in ("moderation", "text")} if asked else {}
    return {
        **({"has_own_object": {"BOOL": True}} if asked else {}),
        **others,
        "request_id": {"S": request_id_for(number)},
        "image_hash": {"S": image_hash},
        "extension": {"S": "png"},
        "labels_asked": {"L": [{"S": "cat"}]},
        "match_mode": {"S": "any"},
        "min_confidence": {"N": "90.0"},
        "created_at": {"N": "1795341600.0"},
        "deadline": {"N": "9999999999.0"},
        "status": {"S": "pending"},
        "waiting_for": {"S": image_hash},
    }
