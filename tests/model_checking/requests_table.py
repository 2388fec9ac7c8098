"""The requests table in memory, with the conditions and the index of ``imagescan.aws.requests_table``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from tests.model_checking.calls import Call, Caller, operation
from tests.model_checking.faults import INDEX_READ, READ, WRITE, Fault
from tests.model_checking.world import Table, World

ROWS_A_PAGE = 2

type Page = tuple[tuple[ScanRequest, ...], str | None]


class RequestsTable:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def get(self, request_id: str) -> ScanRequest | None:
        found: ScanRequest | None = self._call(_get(request_id))
        return found

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        found: tuple[ScanRequest, ...] = self._call(_get_many(tuple(request_ids)))
        return {request.id: request for request in found}

    def put(self, request: ScanRequest) -> ScanRequest:
        stored: ScanRequest = self._call(_put(request))
        return stored

    def delete(self, request_id: str) -> None:
        self._call(_delete(request_id))

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        return self._pages(lambda after: _waiting_for(image_hash, after))

    def all_pending(self) -> Iterator[ScanRequest]:
        return self._pages(_all_waiting)

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        if len(requests) > 1 and self._call(_settle_together(tuple(requests))):
            return
        for request in requests:
            self._call(_settle_one(request))

    def _pages(self, page_after: Callable[[str], Call]) -> Iterator[ScanRequest]:
        after: str | None = ""
        while after is not None:
            rows, after = self._call(page_after(after))
            yield from rows


@operation("reads request {0}", READ)
def _get(world: World, request_id: str) -> tuple[World, ScanRequest | None]:
    return world, world.requests.get(request_id)


@operation("reads requests {0}", READ)
def _get_many(world: World, request_ids: Sequence[str]) -> tuple[World, tuple[ScanRequest, ...]]:
    return world, tuple(world.requests[each] for each in request_ids if each in world.requests)


@operation("stores the request", WRITE)
def _put(world: World, request: ScanRequest) -> tuple[World, ScanRequest]:
    stored = world.requests.get(request.id)
    return (world, stored) if stored else (_having(world, request), request)


@operation("deletes request {0}", WRITE)
def _delete(world: World, request_id: str) -> tuple[World, None]:
    request = world.requests.get(request_id)
    if request is None:
        return world, None
    deleted = world.deleted.having(request_id, request)
    return world._replace(requests=world.requests.without(request_id), deleted=deleted), None


@operation("asks the index who waits for image {0}", (*INDEX_READ, Fault.LATE_INDEX))
def _waiting_for(world: World, image_hash: str, after: str) -> tuple[World, Page]:
    return world, _page((row for row in world.requests.values() if row.image_hash == image_hash), after)


@operation("asks the index who waits at all", INDEX_READ)
def _all_waiting(world: World, after: str) -> tuple[World, Page]:
    return world, _page(world.requests.values(), after)


@operation("settles requests together", WRITE)
def _settle_together(world: World, requests: Sequence[ScanRequest]) -> tuple[World, bool]:
    if not all(_waits(world, request) for request in requests):
        return world, False
    for request in requests:
        world = _having(world, request)
    return world, True


@operation("settles a request", WRITE)
def _settle_one(world: World, request: ScanRequest) -> tuple[World, None]:
    return (_having(world, request) if _waits(world, request) else world), None


def as_before(world: World) -> World:
    """The world as an index knows it that has not heard of any settling or deletion."""
    rows = {**world.deleted, **world.requests}
    return world._replace(requests=Table({key: replace(row, answer=None) for key, row in rows.items()}))


def as_long_ago(world: World) -> World:
    """The world as an index knows it that lags as long as a removal waits."""
    rows = world.requests.items()
    known = {key: row for key, row in rows if row.created_at <= world.now - PURGE_DELAY_SECONDS}
    return world._replace(requests=Table(known))


def _waits(world: World, request: ScanRequest) -> bool:
    stored = world.requests.get(request.id)
    return stored is not None and stored.answer is None


def _page(rows: Iterable[ScanRequest], after: str) -> Page:
    waiting = sorted((row for row in rows if row.answer is None and row.id > after), key=lambda row: row.id)
    page = tuple(waiting[:ROWS_A_PAGE])
    return page, page[-1].id if len(waiting) > ROWS_A_PAGE else None


def _having(world: World, request: ScanRequest) -> World:
    return world._replace(requests=world.requests.having(request.id, request))
