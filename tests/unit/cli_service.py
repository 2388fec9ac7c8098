"""A small service on this machine that speaks the API's contract, for tests of the command line."""

import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

type Body = dict[str, Any]


@dataclass
class Fault:
    """What the next call of a kind is answered with instead: submit, status, ask, list, announce, look or upload.

    An ``entry`` of those that are announced and a ``result`` of a look are kinds of their own.
    """

    call: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b"{}"


@dataclass
class FakeService:
    """Sees in a picture the words that its bytes hold. A scan takes as many looks at the request as ``looks`` says.

    ``lost`` are the hashes of pictures whose address for the upload nobody listens at. ``most_awaited`` is how many
    uploads it waited for at the same time.
    """

    looks: int = 1
    lost: set[str] = field(default_factory=set)
    uploads: int = 0
    most_awaited: int = 0
    faults: list[Fault] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    images: dict[str, bytes] = field(default_factory=dict)
    requests: dict[str, Body] = field(default_factory=dict)
    looks_left: Counter[str] = field(default_factory=Counter)
    keys: dict[str, tuple[Body, str]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def api(self) -> str:
        """The base address."""
        return f"{self.address}/v1"

    def start(self) -> ThreadingHTTPServer:
        """Listens on 127.0.0.1; the caller shuts the server down."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def lapse(self, code: str) -> None:
        """Ends every pending request with that failure."""
        for request in self.requests.values():
            if request["status"] == "pending":
                request.update(status="failed", message="Too late.", failure={"code": code, "message": "Too late."})

    def post_request(self, body: Body, key: str) -> tuple[int, Body]:
        earlier, request_id = self.keys.setdefault(key, (body, str(uuid.uuid4())))
        if earlier != body:
            return 409, {"code": "idempotency_key_reused", "message": "Another body."}
        request = self._derived(self.requests.setdefault(request_id, _pending(request_id, body)))
        return 200 if request["status"] != "pending" else 202, {**request, "upload": self._upload(body, request)}

    def post_many(self, entries: list[Body]) -> tuple[int, Body]:
        keys = [entry.pop("idempotency_key") for entry in entries]
        posted = [self._result("entry", self.post_request, *sent) for sent in zip(entries, keys, strict=True)]
        self.most_awaited = max(self.most_awaited, len(self.requests) - self.uploads)
        return 200, {"results": [_without_labels(each) for each in posted]}

    def get_many(self, request_ids: list[str]) -> tuple[int, Body]:
        return 200, {"results": [self._result("result", self.get_request, each) for each in request_ids]}

    def put_image(self, image_hash: str, content: bytes, *, if_absent: bool) -> tuple[int, Body]:
        if if_absent and image_hash in self.images:
            return 412, {}
        if hashlib.sha256(content).hexdigest() != image_hash:
            return 400, {}
        self.images[image_hash] = content
        self.uploads += 1
        self.looks_left[image_hash] = self.looks
        return 200, {}

    def get_request(self, request_id: str) -> tuple[int, Body]:
        request = self.requests.get(request_id)
        if request is None:
            return 404, {"code": "request_not_found", "message": "There is no such request."}
        self.looks_left[request["image_hash"]] -= 1
        return 200, self._derived(request)

    def get_page(self, query: dict[str, str]) -> tuple[int, Body]:
        """Requests are newest first by the order they came in; a cursor is how many came before."""
        if query.get("from") == "nonsense":
            return 400, {"code": "invalid_from", "message": "That is no time."}
        newest = list(reversed(self.requests.values()))
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        page = [each for each in newest[start : start + limit] if query.get("status") in (None, each["status"])]
        labelled = [each for each in page if query.get("label") in (None, each["label"])]
        return 200, {"requests": labelled, "cursor": str(start + limit) if start + limit < len(newest) else None}

    def post_question(self, request_id: str, body: Body) -> tuple[int, Body]:
        if self.requests[request_id]["status"] != "completed":
            return 409, {"code": "request_pending", "message": "Still waiting."}
        matched = self._shows(self.requests[request_id]["image_hash"], body["labels"][0])
        return 200, {"request_id": request_id, "label_matched": matched, "message": f"{body['labels']}: {matched}"}

    def next_fault(self, call: str) -> "Fault | None":
        fault = next((each for each in self.faults if each.call == call), None)
        if fault:
            self.faults.remove(fault)
        return fault

    def _result(self, kind: str, act: Callable[..., tuple[int, Body]], *arguments: Any) -> Body:
        fault = self.next_fault(kind)
        status, body = (fault.status, json.loads(fault.content)) if fault else act(*arguments)
        is_told = status in {200, 202}
        return {"status_code": status, "request": body if is_told else None, "error": None if is_told else body}

    def _derived(self, request: Body) -> Body:
        image_hash = request["image_hash"]
        if request["status"] == "pending" and image_hash in self.images and self.looks_left[image_hash] <= 0:
            matched = self._shows(image_hash, request["label"])
            request.update(status="completed", label_matched=matched, message="Yes." if matched else "No.")
            request.update(labels=[{"name": "Cat"}], results=[{"matched": matched}])
        return request

    def _shows(self, image_hash: str, label: str) -> bool:
        return label.encode() in self.images[image_hash]

    def _upload(self, body: Body, request: Body) -> Body | None:
        if request["status"] != "pending":
            return None
        address = "http://127.0.0.1:1" if body["sha256"] in self.lost else self.address
        url = f"{address}/bucket/{body['sha256']}?X-Amz-Signature=secret"
        return {"method": "PUT", "url": url, "headers": {"Content-Type": body.get("fileType", "image/png")}}


def _pending(request_id: str, body: Body) -> Body:
    label = (body.get("labels") or [body.get("label", "cat")])[0]
    return {
        "request_id": request_id,
        "status": "pending",
        "message": "Waiting.",
        "label": label,
        "label_matched": None,
        "failure": None,
        "image_hash": body["sha256"],
        "labels": [],
        "closest_labels": [],
        "results": [],
    }


def _without_labels(result: Body) -> Body:
    request = result["request"]
    told = request and {name: request[name] for name in request if name not in {"labels", "closest_labels", "results"}}
    return result | {"request": told}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeService

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(parse_qsl(query))
        if path.endswith("/scanrequests") and "ids" in asked:
            self._answer("look", lambda _: self.fake.get_many(asked["ids"].split(",")))
        elif path.endswith("/scanrequests"):
            self._answer("list", lambda _: self.fake.get_page(asked))
        else:
            self._answer("status", lambda _: self.fake.get_request(unquote(self.path.rsplit("/", 1)[1])))

    def do_POST(self) -> None:
        if self.path.endswith("/questions"):
            self._answer("ask", lambda sent: self.fake.post_question(self.path.split("/")[-2], json.loads(sent)))
        elif self.path.endswith("/scanrequests"):
            self._answer("announce", lambda sent: self.fake.post_many(json.loads(sent)["entries"]))
        else:
            key = self.headers["Idempotency-Key"]
            self._answer("submit", lambda sent: self.fake.post_request(json.loads(sent), key))

    def do_PUT(self) -> None:
        image_hash = self.path.partition("?")[0].rsplit("/", 1)[1]
        if_absent = self.headers["If-None-Match"] == "*"
        self._answer("upload", lambda sent: self.fake.put_image(image_hash, sent, if_absent=if_absent))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Keeps the tests' output clean."""

    def _answer(self, call: str, act: Callable[[bytes], tuple[int, Body]]) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.fake.lock:
            self.fake.calls[call] += 1
            self.fake.headers.append(dict(self.headers))
            self.fake.paths.append(self.path)
            fault = self.fake.next_fault(call)
            if fault:
                self._send(fault.status, fault.content, fault.headers)
            else:
                status, body = act(sent)
                self._send(status, json.dumps(body).encode(), {})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
