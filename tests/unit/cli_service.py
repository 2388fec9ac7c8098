"""Fake of the imagescan service that implements the API contract over HTTP, for tests of the command line."""

import hashlib
import json
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

type Body = dict[str, Any]

FEATURES = ("labels", "moderation", "text")
_OMITTED_IN_BATCHES = frozenset({"labels", "closest_labels", "results", "moderation", "text"})
_MODES: dict[str, Callable[[list[bool]], bool]] = {"any": any, "all": all, "none": lambda matched: not any(matched)}


@dataclass
class Fault:
    """Response that replaces the next one of a kind.

    The kinds of calls are submit, status, ask, list, delete, stats, submit_batch, status_batch and upload. The kinds of
    single results within batch responses are submit_entry and status_entry.
    """

    kind: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b"{}"


@dataclass
class FakeService:
    """Service that finds a label in an image if the bytes contain the word.

    It finds the moderation label "Alcohol" if the bytes contain it, and one line of text: what follows "text:" in the
    bytes. ``scans`` holds the features for which each image was scanned. A known image is scanned for other features
    without an upload.

    A scan finishes after ``polls_per_scan`` polls of the request. Uploads of the hashes in ``unreachable_uploads`` get
    a URL on which no server listens. The images in ``unscanned`` are never scanned. ``max_awaited_uploads`` is the
    highest number of simultaneously awaited uploads. With ``can_wait``, the service applies the preference to wait, and
    a held response ends the scan. ``waits`` are the seconds that clients preferred.
    """

    polls_per_scan: int = 1
    can_wait: bool = False
    waits: list[int] = field(default_factory=list)
    unreachable_uploads: set[str] = field(default_factory=set)
    unscanned: set[str] = field(default_factory=set)
    uploads: int = 0
    max_awaited_uploads: int = 0
    faults: list[Fault] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    images: dict[str, bytes] = field(default_factory=dict)
    requests: dict[str, Body] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    polls_left: Counter[str] = field(default_factory=Counter)
    scans: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, tuple[Body, str]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    origin: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return f"{self.origin}/v1"

    def start(self) -> ThreadingHTTPServer:
        """Listen on 127.0.0.1. The caller shuts the server down."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self.origin = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def fail_pending(self, code: str) -> None:
        """Fail every pending request with a failure code."""
        for request in self.requests.values():
            if request["status"] == "pending":
                request.update(status="failed", message="Too late.", failure={"code": code, "message": "Too late."})

    def post_request(self, body: Body, key: str) -> tuple[int, Body]:
        previous, request_id = self.keys.setdefault(key, (body, str(uuid.uuid4())))
        if previous != body:
            return 409, {"code": "idempotency_key_reused", "message": "Another body."}
        if request_id in self.deleted:
            return 409, {"code": "request_deleted", "message": "Deleted."}
        if request_id not in self.requests:
            self.requests[request_id] = _pending(request_id, body)
            self._scan_for_more(self.requests[request_id])
        request = self._derive(self.requests[request_id])
        return 200 if request["status"] != "pending" else 202, {**request, "upload": self._upload(body, request)}

    def post_batch(self, entries: list[Body]) -> tuple[int, Body]:
        keys = [entry.pop("idempotency_key") for entry in entries]
        results = [self._result("submit_entry", self.post_request, *each) for each in zip(entries, keys, strict=True)]
        self.max_awaited_uploads = max(self.max_awaited_uploads, len(self.requests) - self.uploads)
        return 200, {"results": [_shorten(each) for each in results]}

    def get_batch(self, request_ids: list[str]) -> tuple[int, Body]:
        return 200, {"results": [self._result("status_entry", self.get_request, each) for each in request_ids]}

    def put_image(self, image_hash: str, content: bytes, *, if_absent: bool) -> tuple[int, Body]:
        if if_absent and image_hash in self.images:
            return 412, {}
        if hashlib.sha256(content).hexdigest() != image_hash:
            return 400, {}
        self.images[image_hash] = content
        self.uploads += 1
        self.polls_left[image_hash] = 1_000_000 if image_hash in self.unscanned else self.polls_per_scan
        return 200, {}

    def get_request(self, request_id: str, *, is_held: bool = False) -> tuple[int, Body]:
        request = self.requests.get(request_id)
        if request is None:
            return 404, {"code": "request_not_found", "message": "Request not found."}
        image_hash = request["image_hash"]
        self.polls_left[image_hash] -= (
            self.polls_left[image_hash] if is_held and image_hash not in self.unscanned else 1
        )
        return 200, self._derive(request)

    def get_page(self, query: dict[str, str]) -> tuple[int, Body]:
        """Return requests in reverse order of arrival. The cursor is the number of requests on earlier pages."""
        if query.get("created_after") == "nonsense":
            return 400, {"code": "invalid_created_after", "message": "Invalid time."}
        newest = list(reversed(self.requests.values()))
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        filters = {name: query.get(name) for name in ("status", "label", "feature")}
        page = [each for each in newest[start : start + limit] if _passes(each, filters)]
        return 200, {"requests": page, "next_cursor": str(start + limit) if start + limit < len(newest) else None}

    def post_question(self, request_id: str, body: Body) -> tuple[int, Body]:
        request = self.requests[request_id]
        if request["status"] != "completed":
            return 409, {"code": "request_pending", "message": "Still waiting."}
        question = _question(body)
        missing = [each for each in question["features"] if each not in request["features"]]
        if missing:
            return 409, {"code": "feature_not_scanned", "message": f"This request was not scanned for {missing}."}
        verdict = self._verdict(request["image_hash"], question)
        return 200, {"request_id": request_id, **question, **verdict}

    def delete_request(self, request_id: str) -> tuple[int, Body | None]:
        if self.requests.pop(request_id, None) is None:
            return 404, {"code": "request_not_found", "message": "Request not found."}
        self.deleted.add(request_id)
        return 204, None

    def get_stats(self) -> tuple[int, Body]:
        counts = {"images": 7, "requests": 1_234, "completed": 1_230, "failed": 4}
        by_feature = {
            "labels": {"images": 4, "scans": 4, "scans_avoided": 1, "scans_avoided_by": {"bytes": 1, "content": 0}},
            "moderation": {"images": 2, "scans": 2, "scans_avoided": 1, "scans_avoided_by": {"bytes": 0, "content": 1}},
            "text": {"images": 1, "scans": 1, "scans_avoided": 0, "scans_avoided_by": {"bytes": 0, "content": 0}},
        }
        avoided = {"scans_avoided": 2, "scans_avoided_by": {"bytes": 1, "content": 1}}
        totals = {"scans": 7, **avoided, "by_feature": by_feature}
        return 200, counts | totals | {"as_of": "2026-11-27T03:03:26.858Z"}

    def next_fault(self, kind: str) -> "Fault | None":
        fault = next((each for each in self.faults if each.kind == kind), None)
        if fault:
            self.faults.remove(fault)
        return fault

    def _result(self, kind: str, act: Callable[..., tuple[int, Body]], *arguments: Any) -> Body:
        fault = self.next_fault(kind)
        status, body = (fault.status, json.loads(fault.content)) if fault else act(*arguments)
        succeeded = status in {200, 202}
        return {"status_code": status, "request": body if succeeded else None, "error": None if succeeded else body}

    def _derive(self, request: Body) -> Body:
        image_hash = request["image_hash"]
        if request["status"] == "pending" and image_hash in self.images and self.polls_left[image_hash] <= 0:
            self.scans[image_hash].update(request["features"])
            request.update(status="completed", **self._verdict(image_hash, request))
            request.update(_findings(self.images[image_hash], request["features"]))
        return request

    def _scan_for_more(self, request: Body) -> None:
        """Scan a known image for the features that it was not scanned for."""
        scanned = self.scans.get(request["image_hash"])
        if scanned and not scanned.issuperset(request["features"]):
            self.polls_left[request["image_hash"]] = self.polls_per_scan

    def _verdict(self, image_hash: str, question: Body) -> Body:
        results = [
            _result(feature, asked, self.images[image_hash])
            for feature in FEATURES
            for asked in question[f"{feature}_asked"]
        ]
        if not results:
            return {"label_matched": None, "message": "Scanned.", "match": None, "results": []}
        matched = _MODES[question["match_mode"]]([each["matched"] for each in results])
        match = next((each["match"] for each in results if each["match"]), None)
        return {
            "label_matched": matched,
            "message": "Yes." if matched else "No.",
            "match": match,
            "results": results,
        }

    def _upload(self, body: Body, request: Body) -> Body | None:
        if request["status"] != "pending" or self.scans.get(request["image_hash"]):
            return None
        origin = "http://127.0.0.1:1" if body["sha256"] in self.unreachable_uploads else self.origin
        url = f"{origin}/bucket/{body['sha256']}?X-Amz-Signature=secret"
        return {
            "method": "PUT",
            "url": url,
            "headers": {"Content-Type": body.get("fileType", "image/png"), "If-None-Match": "*"},
        }


def _pending(request_id: str, body: Body) -> Body:
    question = _question(body)
    return {
        "request_id": request_id,
        "status": "pending",
        "message": "Waiting.",
        **question,
        "label": next(iter(question["labels_asked"]), None),
        "reference": body.get("reference"),
        "created_at": "2026-11-27T03:00:00.000Z",
        "label_matched": None,
        "failure": None,
        "image_hash": body["sha256"],
        "closest_labels": [],
        "results": [],
        **_findings(b"", question["features"], version=None),
        "labels": [],
    }


def _question(body: Body) -> Body:
    """Return the fields of a question, with the default label if the body requests nothing."""
    labels = body.get("labels") or ([body["label"]] if "label" in body else [])
    asked = {"labels": labels, "moderation": body.get("moderation", []), "text": body.get("text", [])}
    requested = {each for each in FEATURES if asked[each]} | {*body.get("features", [])}
    if not requested:
        asked["labels"], requested = ["cat"], {"labels"}
    fields = {f"{feature}_asked": names for feature, names in asked.items()}
    return fields | {
        "features": [each for each in FEATURES if each in requested],
        "match_mode": body.get("match_mode", "any"),
    }


def _findings(content: bytes, features: list[str], version: str | None = "7.0") -> Body:
    """Return what is found for each feature, or null for a feature that is not requested."""
    labels = [{"name": "Cat", "confidence": 98.6642}]
    alcohol = {"name": "Alcohol", "confidence": 91.53, "parents": [], "taxonomy_level": 1}
    moderation = {"labels": [alcohol] if b"Alcohol" in content else [], "model_version": version}
    line = content.partition(b"text:")[2].decode()
    text = {"lines": [{"text": line, "confidence": 99.12}] if line else [], "model_version": version}
    return {
        "labels": labels if "labels" in features else [],
        "moderation": moderation if "moderation" in features else None,
        "text": text if "text" in features else None,
    }


def _result(feature: str, asked: str, content: bytes) -> Body:
    found = _findings(content, [*FEATURES])
    box = {"left": 0.1, "top": 0.2, "width": 0.5, "height": 0.25}
    label = {"label": asked, "confidence": 98.6642, "boxes": [box]}
    moderation = [{"label": each["name"], "confidence": 91.53, "boxes": []} for each in found["moderation"]["labels"]]
    text = [{"label": each["text"], "confidence": 99.12, "boxes": [box]} for each in found["text"]["lines"]]
    matches = {
        "labels": [label] if asked.encode() in content else [],
        "moderation": [each for each in moderation if asked in ("*", each["label"])],
        "text": [each for each in text if asked.casefold() in each["label"].casefold()],
    }
    match = next(iter(matches[feature]), None)
    return {"feature": feature, "label": asked, "matched": match is not None, "match": match, "closest_labels": []}


def _passes(request: Body, filters: dict[str, str | None]) -> bool:
    """Return whether a request matches the filters of a list. None matches every request."""
    return (
        filters["status"] in (None, request["status"])
        and filters["label"] in (None, request["label"])
        and (filters["feature"] is None or filters["feature"] in request["features"])
    )


def _shorten(result: Body) -> Body:
    request = result["request"]
    shortened = request and {name: request[name] for name in request if name not in _OMITTED_IN_BATCHES}
    return result | {"request": shortened}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeService

    def do_GET(self) -> None:
        path, _, query_string = self.path.partition("?")
        query = dict(parse_qsl(query_string))
        if path.endswith("/stats"):
            self._respond("stats", lambda _: self.fake.get_stats())
        elif path.endswith("/scanrequests") and "ids" in query:
            self._respond("status_batch", lambda _: self.fake.get_batch(query["ids"].split(",")))
        elif path.endswith("/scanrequests"):
            self._respond("list", lambda _: self.fake.get_page(query))
        else:
            self._get_request(unquote(self.path.rsplit("/", 1)[1]))

    def _get_request(self, request_id: str) -> None:
        prefer = self.headers.get("Prefer", "")
        if prefer:
            self.fake.waits.append(int(prefer.removeprefix("wait=")))
        is_held = bool(prefer) and self.fake.can_wait
        headers = {"Preference-Applied": prefer} if is_held else {}
        self._respond("status", lambda _: self.fake.get_request(request_id, is_held=is_held), headers)

    def do_POST(self) -> None:
        if self.path.endswith("/questions"):
            self._respond("ask", lambda body: self.fake.post_question(self.path.split("/")[-2], json.loads(body)))
        elif self.path.endswith("/scanrequests"):
            self._respond("submit_batch", lambda body: self.fake.post_batch(json.loads(body)["entries"]))
        else:
            key = self.headers["Idempotency-Key"]
            self._respond("submit", lambda body: self.fake.post_request(json.loads(body), key))

    def do_DELETE(self) -> None:
        self._respond("delete", lambda _: self.fake.delete_request(unquote(self.path.rsplit("/", 1)[1])))

    def do_PUT(self) -> None:
        image_hash = self.path.partition("?")[0].rsplit("/", 1)[1]
        if_absent = self.headers["If-None-Match"] == "*"
        self._respond("upload", lambda body: self.fake.put_image(image_hash, body, if_absent=if_absent))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Keep the output of the tests clean."""

    def _respond(
        self, kind: str, act: Callable[[bytes], tuple[int, Body | None]], headers: dict[str, str] | None = None
    ) -> None:
        request_body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.fake.lock:
            self.fake.calls[kind] += 1
            self.fake.headers.append(dict(self.headers))
            self.fake.paths.append(self.path)
            fault = self.fake.next_fault(kind)
            if fault:
                self._send(fault.status, fault.content, fault.headers)
            else:
                status, body = act(request_body)
                self._send(status, b"" if body is None else json.dumps(body).encode(), headers or {})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
