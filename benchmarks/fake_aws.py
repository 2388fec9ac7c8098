"""Answer AWS calls immediately and successfully, so that a benchmark measures the service and not an emulator.

Every condition holds, each image has one pending request, and each object is an image with unique bytes.
"""

import json
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
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
_PNG = png(80, 80)
THREE_FEATURES_PREFIX = "ffffffff"
"""Start of the hashes of images whose requests need three features. The others need labels only."""
_SET = re.compile(r"(#?\w+) = (?:if_not_exists\(\w+, )?(:\w+)")
_ADD = re.compile(r"ADD (\w+) (:\w+)")
_HASH = re.compile(r"[0-9a-f]{64}")


def _head(path: str) -> Headers:
    [content_hash] = _HASH.findall(path)
    return {
        "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT",
        "ETag": '"0"',
        "x-amz-checksum-sha256": b64encode(bytes.fromhex(content_hash)).decode(),
        "x-amz-checksum-type": "FULL_OBJECT",
        "x-amz-version-id": "1",
        "x-amz-meta-request-id": request_id_for(content_hash),
    }


def request_id_for(content_hash: str) -> str:
    """Return the ID of the request for the image."""
    return f"{content_hash[:8]}-0000-4000-8000-{content_hash[-12:]}"


class FakeAws:
    """Fake of DynamoDB, S3, SQS and Rekognition. It keeps the last written version of each item."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Item]] = defaultdict(dict)

    def attach(self, client: Any) -> None:
        """Answer every call of this client inside the process, before the SDK sends it."""
        client.meta.events.register("before-send", self._answer)

    def answer(self, method: str, url: str, target: str | None, body: bytes) -> Response:
        """Return the headers and the body for a call. ``target`` names the operation and is None for S3."""
        if target is None:
            return self._S3_METHODS[method](urlsplit(url).path)  # type: ignore[no-any-return]  # values are Any
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

    _JSON_OPERATIONS: Mapping[str, Any] = {
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
    _S3_METHODS: Mapping[str, Any] = {
        "HEAD": lambda path: (_head(path), b""),
        "GET": lambda path: ({}, _PNG + path.encode()),  # decoders ignore the bytes after the end of the image
        "PUT": lambda _: ({"ETag": '"0"'}, b""),
    }


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
    """Return the request for an image whose hash starts with ``THREE_FEATURES_PREFIX``. Others are not stored."""
    prefix, _, end = request_id.partition("-0000-4000-8000-")
    return _pending_request(f"{prefix}{end:0>56}") if prefix == THREE_FEATURES_PREFIX else None


def _pending_request(content_hash: str) -> Item:
    asked = content_hash.startswith(THREE_FEATURES_PREFIX)
    others: Item = {f"asked_of_{feature}": {"L": [{"S": "*"}]} for feature in ("moderation", "text")} if asked else {}
    return {
        **({"has_own_object": {"BOOL": True}} if asked else {}),
        **others,
        "request_id": {"S": request_id_for(content_hash)},
        "image_hash": {"S": content_hash},
        "extension": {"S": "png"},
        "labels_asked": {"L": [{"S": "cat"}]},
        "match_mode": {"S": "any"},
        "min_confidence": {"N": "90.0"},
        "created_at": {"N": "1795341600.0"},
        "deadline": {"N": "9999999999.0"},
        "status": {"S": "pending"},
        "waiting_for": {"S": content_hash},
    }
