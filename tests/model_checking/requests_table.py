"""The requests table in memory, with the conditions and the index of ``imagescan.aws.requests_table``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from imagescan.domain.scan_request import DeletedRequest, PendingPage, ScanRequest, exists
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from tests.model_checking.calls import Call, Caller, operation
from tests.model_checking.faults import INDEX_READ, READ, WRITE, Fault
from tests.model_checking.system_state import SystemState, Table

PAGE_SIZE = 2

type Page = tuple[tuple[ScanRequest, ...], str | None]
type SweptPage = tuple[tuple[ScanRequest, ...], tuple[str, ...], str | None]  # also with the IDs of malformed items


class RequestsTable:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def get(self, request_id: str) -> ScanRequest | None:
        found = self.find(request_id)
        return found if exists(found) else None

    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None:
        found: ScanRequest | DeletedRequest | None = self._call(_find(request_id))
        return found

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        found: tuple[ScanRequest, ...] = self._call(_get_many(tuple(request_ids)))
        return {request.id: request for request in found}

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        stored: ScanRequest | DeletedRequest = self._call(_put(request))
        return stored

    def delete(self, request: ScanRequest, now: float) -> None:
        self._call(_delete(request.id))

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        return self._pages(lambda after: _pending_for_image(image_hash, after))

    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        while True:
            items, malformed, after = self._call(_all_pending(start or ""))
            yield PendingPage(start, items, malformed)
            if after is None:
                return
            start = after

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        if len(requests) > 1 and self._call(_settle_together(tuple(requests))):
            return
        for request in requests:
            self._call(_settle_one(request))

    def _pages(self, page_after: Callable[[str], Call]) -> Iterator[ScanRequest]:
        after: str | None = ""
        while after is not None:
            items, after = self._call(page_after(after))
            yield from items


@operation("reads request {0}", READ)
def _find(system: SystemState, request_id: str) -> tuple[SystemState, ScanRequest | DeletedRequest | None]:
    return system, _found(system, request_id)


@operation("reads requests {0}", READ)
def _get_many(system: SystemState, request_ids: Sequence[str]) -> tuple[SystemState, tuple[ScanRequest, ...]]:
    return system, tuple(system.requests[each] for each in request_ids if each in system.requests)


@operation("stores the request", WRITE)
def _put(system: SystemState, request: ScanRequest) -> tuple[SystemState, ScanRequest | DeletedRequest]:
    stored = _found(system, request.id)
    return (system, stored) if stored else (_with_request(system, request), request)


@operation("deletes request {0}", WRITE)
def _delete(system: SystemState, request_id: str) -> tuple[SystemState, None]:
    request = system.requests.get(request_id)
    if request is None:
        return system, None
    deleted_requests = system.deleted_requests.with_item(request_id, request)
    return system._replace(requests=system.requests.without_item(request_id), deleted_requests=deleted_requests), None


@operation("reads the pending requests of image {0} from the index", (*INDEX_READ, Fault.INDEX_DELAYED))
def _pending_for_image(system: SystemState, image_hash: str, after: str) -> tuple[SystemState, Page]:
    return system, _page((item for item in system.requests.values() if item.image_hash == image_hash), after)


@operation("reads all pending requests from the index", INDEX_READ)
def _all_pending(system: SystemState, after: str) -> tuple[SystemState, SweptPage]:
    malformed = tuple(each for each in sorted(system.malformed_requests) if each > after)[:PAGE_SIZE]
    if len(malformed) == PAGE_SIZE:
        return system, ((), malformed, malformed[-1])
    items, next_after = _page(system.requests.values(), after, PAGE_SIZE - len(malformed))
    return system, (items, malformed, next_after)


@operation("settles requests in one transaction", WRITE)
def _settle_together(system: SystemState, requests: Sequence[ScanRequest]) -> tuple[SystemState, bool]:
    if not all(_is_pending(system, request) for request in requests):
        return system, False
    for request in requests:
        system = _with_request(system, request)
    return system, True


@operation("settles a request", WRITE)
def _settle_one(system: SystemState, request: ScanRequest) -> tuple[SystemState, None]:
    return (_with_request(system, request) if _is_pending(system, request) else system), None


def stale_view(system: SystemState) -> SystemState:
    """Return the system as an index shows it that has seen no settling and no deletion."""
    items = {**system.deleted_requests, **system.requests}
    return system._replace(requests=Table({key: replace(item, answer=None) for key, item in items.items()}))


def delayed_view(system: SystemState) -> SystemState:
    """Return the system as an index shows it that lags by the purge delay."""
    items = system.requests.items()
    known = {key: item for key, item in items if item.created_at <= system.now - PURGE_DELAY_SECONDS}
    return system._replace(requests=Table(known))


def _found(system: SystemState, request_id: str) -> ScanRequest | DeletedRequest | None:
    is_deleted = request_id in system.deleted_requests
    return DeletedRequest(request_id) if is_deleted else system.requests.get(request_id)


def _is_pending(system: SystemState, request: ScanRequest) -> bool:
    stored = system.requests.get(request.id)
    return stored is not None and stored.answer is None


def _page(items: Iterable[ScanRequest], after: str, size: int = PAGE_SIZE) -> Page:
    waiting = sorted((item for item in items if item.answer is None and item.id > after), key=lambda item: item.id)
    page = tuple(waiting[:size])
    return page, page[-1].id if len(waiting) > size else None


def _with_request(system: SystemState, request: ScanRequest) -> SystemState:
    return system._replace(requests=system.requests.with_item(request.id, request))
