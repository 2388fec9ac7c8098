"""What AWS answers the functions when all goes well, at once: the service's own work is measured, and no emulator's.

Every condition holds, one request waits for each image, and each object is a picture of its own bytes.
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
from testing.wire_messages import body_of, response

type Item = dict[str, Any]
type Headers = Mapping[str, str]
type Answer = tuple[Headers, bytes]

_BOX = {"BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}, "Confidence": 96.0}
# Rekognition knows where things are, not where "Animal" or "Outdoors" is.
LABELS = [
    label(
        f"Label {at}",
        99.0 - at,
        Parents=[{"Name": "Animal"}, {"Name": "Mammal"}],
        Aliases=[{"Name": f"Alias {at}"}],
        Categories=[{"Name": "Animals and Pets"}],
        Instances=[_BOX] if at < 3 else [],  # noqa: PLR2004 - so many of ten
    )
    for at in range(10)
]
_PNG = png(80, 80)
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
        "x-amz-meta-request-id": _request_id(content_hash),
    }


def _request_id(content_hash: str) -> str:
    return f"{content_hash[:8]}-0000-4000-8000-{content_hash[-12:]}"


class Answers:
    """Of a table it keeps the rows as they were last written."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Item]] = defaultdict(dict)

    def attach(self, client: Any) -> None:
        """Let every call of this client be answered inside of the process, where the SDK would send."""
        client.meta.events.register("before-send", self._answer)

    def answer(self, method: str, url: str, target: str | None, body: bytes) -> Answer:
        """The headers and the body that answer a call; ``target`` names its operation, but in S3."""
        if target is None:
            return self._OF_S3[method](urlsplit(url).path)  # type: ignore[no-any-return]  # the table's values are any
        answer = self._BY_NAME[target.rpartition(".")[2]](self, json.loads(body))
        return {}, json.dumps(answer).encode()

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target")
        named = target.decode() if isinstance(target, bytes) else target
        headers, body = self.answer(str(request.method), request.url, named, body_of(request))
        return response(request, 200, body, **headers)

    def _get_item(self, asked: Any) -> Any:
        item = self._rows[asked["TableName"]].get(_key_in(asked["Key"]))
        return {"Item": item} if item else {}

    def _put_item(self, asked: Any) -> Any:
        self._rows[asked["TableName"]][asked["Item"]["request_id"]["S"]] = asked["Item"]
        return {}

    def _update_item(self, asked: Any) -> Any:
        row = updated(asked)
        self._rows[asked["TableName"]][_key_in(asked["Key"])] = row
        return {"Attributes": row} if "ReturnValues" in asked else {}

    _BY_NAME: Mapping[str, Any] = {
        "GetItem": _get_item,
        "PutItem": _put_item,
        "UpdateItem": _update_item,
        "Query": lambda _, asked: {"Items": [_waiting(asked["ExpressionAttributeValues"][":hash"]["S"])]},
        "DetectLabels": lambda *_: {"Labels": LABELS, "LabelModelVersion": MODEL_VERSION},
        "ChangeMessageVisibilityBatch": lambda _, asked: {
            "Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]],
            "Failed": [],
        },
    }
    _OF_S3: Mapping[str, Any] = {
        "HEAD": lambda path: (_head(path), b""),
        "GET": lambda path: ({}, _PNG + path.encode()),  # a decoder stops where the picture ends
        "PUT": lambda _: ({"ETag": '"0"'}, b""),
    }


def updated(asked: Any) -> Item:
    """The row after an UpdateItem, when there was none before."""
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    expression = asked["UpdateExpression"]
    written = {names.get(name, name): values[at] for name, at in [*_SET.findall(expression), *_ADD.findall(expression)]}
    return {**asked["Key"], **written}


def _key_in(key: Any) -> str:
    [value] = [value for each in key.values() for value in each.values()]
    return str(value)


def _waiting(content_hash: str) -> Item:
    return {
        "request_id": {"S": _request_id(content_hash)},
        "image_hash": {"S": content_hash},
        "image_key": {"S": f"images/{content_hash}.png"},
        "labels_asked": {"L": [{"S": "cat"}]},
        "match_mode": {"S": "any"},
        "min_confidence": {"N": "90.0"},
        "created_at": {"N": "1795341600.0"},
        "deadline": {"N": "9999999999.0"},
        "status": {"S": "pending"},
        "waiting_for": {"S": content_hash},
    }
