"""Count the AWS usage per distinct image, by step, with the real handlers: in batches or one at a time."""

import gzip
import json
from base64 import b64encode
from collections import Counter
from functools import partial
from hashlib import sha256
from itertools import batched
from typing import Any
from uuid import uuid4

from benchmarks.meter import Meter, Units
from benchmarks.sample_photos import detected_labels, photo
from imagescan.api import query_params
from imagescan.api.request_models import MAX_ENTRIES
from imagescan.aws.stream_records import finished_records
from testing.fake_rekognition import text_line
from testing.functions import BATCH_SIZE, proxy_event
from testing.moto_environment import MotoEnvironment
from testing.resources import IMAGES, REQUESTS, TEMPLATE

SCAN_CALLS = (
    "UpdateItem",  # the lease of the image
    "GetObject",
    "GetItem",
    "UpdateItem",  # the lease of its content
    "DetectLabels",
    "UpdateItem",  # the scan of the content
    "UpdateItem",  # that of the image
    "Query",
    "UpdateItem",  # the answer
)
_WARM_UP_PHOTO = 1_000_000
API_GATEWAY_HEADER_BYTES = 400  # date, IDs and framing, in addition to the headers that a function sets
TRACE = "Root=1-6921b0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"  # every invocation has one
type Caller = dict[str, Any]  # what API Gateway adds to the request context

type Question = dict[str, Any]  # the fields of a body that ask something

CAT: Question = {"label": "cat"}
THREE_FEATURES: Question = {"label": "cat", "moderation": ["*"], "text": ["open"]}
ANYONE: Caller = {}
OWNER: Caller = {"identity": {"caller": "AIDACKCEVSQ6C2EXAMPLE", "userArn": "arn:aws:iam::123456789012:user/caller"}}

type Steps = dict[str, Units]
type Event = dict[str, Any]
type Answer = dict[str, Any]


def one_at_a_time(env: MotoEnvironment, distinct: int, caller: Caller = ANYONE, question: Question = CAT) -> Steps:
    """Submit each image with its own POST and read it with its own GET after it is settled. ``env`` must be empty."""
    meter, photos = _warm_meter(env, caller), _photos(env, distinct)
    steps = {"POST": _submit(meter, photos, caller, question)}
    steps |= {"scan": _scan(meter, distinct), "event": _publish(meter, distinct), "GET": _get(meter, caller)}
    return _per_image(steps, distinct)


def in_batches(env: MotoEnvironment, distinct: int) -> Steps:
    """Submit and read images as the command line does. ``env`` must be empty.

    A POST submits 25 images with idempotency keys. The bytes are uploaded directly to S3. A GET reads 100 requests,
    once while they are pending and once after they are settled.
    """
    meter, photos = _warm_meter(env), _photos(env, distinct)
    steps = {"POST": _submit_batches(meter, photos), "upload": Counter({"s3.put": distinct})}
    while_pending = _get_batches(meter)
    steps |= {"scan": _scan(meter, distinct), "event": _publish(meter, distinct)}
    return _per_image(steps | {"GET": while_pending + _get_batches(meter)}, distinct)


def _warm_meter(env: MotoEnvironment, caller: Caller = ANYONE) -> Meter:
    """Return a meter after one image passed all steps, which creates the clients and reads the settings."""
    env.functions.overrides["_X_AMZN_TRACE_ID"] = TRACE
    meter = Meter(env)
    _submit(meter, [photo(_WARM_UP_PHOTO)], caller)
    _scan(meter, 1)
    _publish(meter, 1)
    _get(meter, caller)
    _get_batches(meter)
    return meter


def _photos(env: MotoEnvironment, distinct: int) -> list[bytes]:
    """Return distinct photos for which the fake Rekognition has labels."""
    photos = [photo(number) for number in range(distinct)]
    hashes = [sha256(each).hexdigest() for each in photos]
    env.detector.labels |= {image_hash: detected_labels(number) for number, image_hash in enumerate(hashes)}
    lines = [*text_line("OPEN", first_id=0), *text_line("Mon - Fri", first_id=2)]
    env.detector.text |= dict.fromkeys(hashes, lines)
    return photos


def _per_image(steps: Steps, distinct: int) -> Steps:
    return {step: Counter({name: amount / distinct for name, amount in units.items()}) for step, units in steps.items()}


def _submit(meter: Meter, photos: list[bytes], caller: Caller, question: Question = CAT) -> Units:
    bodies = [{"file": b64encode(each).decode(), "fileType": "image/jpeg", **question} for each in photos]
    units, answers = _call(meter, "SubmitFunction", [_event("POST", json.dumps(body), caller) for body in bodies])
    meter.env.functions.accepted[:] = [answer["request_id"] for answer in answers]
    return units


def _submit_batches(meter: Meter, photos: list[bytes]) -> Units:
    entries = [_entry(each) for each in photos]
    bodies = [json.dumps({"entries": batch}) for batch in batched(entries, MAX_ENTRIES, strict=True)]
    batch_resource = {"resource": "/scanrequests"}
    units, answers = _call(meter, "SubmitFunction", [_event("POST", body) | batch_resource for body in bodies])
    requests = [result["request"] for answer in answers for result in answer["results"]]
    for content, request in zip(photos, requests, strict=True):
        meter.env.upload(content, request)
    meter.env.functions.accepted[:] = [request["request_id"] for request in requests]
    return units


def _entry(content: bytes) -> dict[str, Any]:
    digest = sha256(content).hexdigest()
    return {"sha256": digest, "size": len(content), "fileType": "image/jpeg", "label": "cat", "idempotency_key": digest}


def _scan(meter: Meter, distinct: int) -> Units:
    """Deliver the messages. S3 sends one per image. Lambda receives and deletes full batches."""
    units = meter.units("ScannerFunction", meter.env.trigger.deliver_all, concurrency=BATCH_SIZE)
    return units + Counter({"sqs.requests": distinct + 2 * distinct / BATCH_SIZE})


def _publish(meter: Meter, distinct: int) -> Units:
    """Deliver one batch of each stream. Reading streams is free, and the event filter drops pending requests."""
    units: Units = Counter()
    for table in (REQUESTS, IMAGES):
        records = meter.env.streams.records(table)
        event = {"Records": [each for each in records if _is_finished(each)][-distinct:]}
        units += meter.units(
            "EventPublisherFunction", partial(meter.env.functions.invoke, "EventPublisherFunction", event)
        )
    return units


def _is_finished(record: dict[str, Any]) -> bool:
    malformed: list[str] = []
    finished = finished_records({"Records": [record]}, on_error=lambda record_id, _: malformed.append(record_id))
    if malformed:
        raise ValueError(f"malformed stream records: {malformed}")
    return bool(finished)


def _get(meter: Meter, caller: Caller) -> Units:
    paths = [{"pathParameters": {"request_id": each}} for each in meter.env.functions.accepted]
    units, _ = _call(meter, "StatusFunction", [_event("GET", caller=caller) | path for path in paths])
    return units


def _get_batches(meter: Meter) -> Units:
    ids = [",".join(batch) for batch in batched(meter.env.functions.accepted, query_params.MAX_LIMIT, strict=False)]
    events = [_event("GET") | {"resource": "/scanrequests", "queryStringParameters": {"ids": each}} for each in ids]
    units, _ = _call(meter, "ListRequestsFunction", events)
    return units


def _call(meter: Meter, function: str, events: list[Event]) -> tuple[Units, list[Answer]]:
    """Call the function through the API, and return the usage and the response bodies."""
    answers: list[Answer] = []
    invoke = meter.env.functions.invoke
    units = meter.units(function, lambda: answers.extend(invoke(function, event) for event in events))
    calls = Counter({"api.rest": len(answers), "transfer.out": sum(map(_bytes_out, answers))})
    return units + calls, [json.loads(answer["body"]) for answer in answers]


def _event(method: str, body: str | None = None, caller: Caller = ANYONE) -> Event:
    return proxy_event(method, body) | {"requestContext": {"requestId": str(uuid4()), **caller}}


def _bytes_out(answer: Answer) -> int:
    """Return the size of a response from API Gateway to a client that accepts gzip."""
    body = answer["body"].encode()
    is_compressed = len(body) >= TEMPLATE.properties("Api", "Name", "DefinitionBody")["MinimumCompressionSize"]
    headers = len(json.dumps(answer["headers"])) + API_GATEWAY_HEADER_BYTES
    return headers + len(gzip.compress(body) if is_compressed else body)
