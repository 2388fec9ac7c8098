"""The images table in memory, with the conditions of ``imagescan.aws.images_table``."""

from collections.abc import Sequence

from imagescan.domain.image_record import Image, LeaseResult, PurgeCandidate, Scan
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import READ, WRITE
from tests.model_checking.world import ImageRow, Table, World


class ImagesTable:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def get(self, image_hash: str) -> Image | None:
        found: Image | None = self._call(_get(image_hash))
        return found

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        found: tuple[Image, ...] = self._call(_get_many(tuple(image_hashes)))
        return {image.hash: image for image in found}

    def lease(self, image_hash: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        lease: LeaseResult = self._call(_lease(image_hash, owner, now, until, max_attempts))
        return lease

    def release(self, image_hash: str, owner: str, *, refund: bool, bytes_missing: bool = False) -> None:
        self._call(_release(image_hash, owner, refund, bytes_missing))

    def defer(self, image_hash: str, owner: str, began: float) -> bool:
        is_marked: bool = self._call(_put_off(image_hash, owner, began))
        return is_marked

    def finish(self, image_hash: str, scan: Scan) -> Image:
        in_force: Image = self._call(_finish(image_hash, scan))
        return in_force

    def mark_for_purge(self, image_hash: str, now: float) -> None:
        self._call(_mark(image_hash, now))

    def purge_candidates(self) -> Sequence[PurgeCandidate]:
        marked: tuple[PurgeCandidate, ...] = self._call(_marked())
        return marked

    def remove(self, marked: PurgeCandidate, seen: Image, now: float) -> bool:
        is_gone: bool = self._call(_remove(marked.image_hash, marked.since, _finished_at(seen), now))
        return is_gone

    def claim_requeue(self, image_hash: str, now: float, requeued_before: float) -> bool:
        is_claimed: bool = self._call(_claim_requeue(image_hash, now, requeued_before))
        return is_claimed


@operation("reads image {0}", READ)
def _get(world: World, image_hash: str) -> tuple[World, Image | None]:
    return world, image_in(world.images, image_hash)


@operation("reads images", READ)
def _get_many(world: World, image_hashes: Sequence[str]) -> tuple[World, tuple[Image, ...]]:
    found = (image_in(world.images, image_hash) for image_hash in image_hashes)
    return world, tuple(image for image in found if image)


@operation("asks for the lease of image {0}", WRITE)
def _lease(  # noqa: PLR0917 - an operation takes what its adapter takes, by position
    world: World, image_hash: str, owner: str, now: float, until: float, max_attempts: int
) -> tuple[World, LeaseResult]:
    row = world.images.get(image_hash, ImageRow())
    is_free = row.lease_until is None or row.lease_until < now or row.lease_owner == owner
    may_try = len(row.attempts) < max_attempts or owner in row.attempts
    if row.scan or not is_free or not may_try:
        return world, LeaseResult(granted=False, image=_image(image_hash, row))
    first = now if row.first_leased_at is None else row.first_leased_at
    row = row._replace(lease_owner=owner, lease_until=until, first_leased_at=first, attempts=row.attempts | {owner})
    return _put(world, image_hash, row), LeaseResult(granted=True, image=_image(image_hash, row))


@operation("gives up the lease of image {0}", WRITE)
def _release(world: World, image_hash: str, owner: str, refund: bool, bytes_missing: bool) -> tuple[World, None]:
    row = world.images.get(image_hash, ImageRow())
    if row.lease_owner != owner:
        return world, None
    if refund:
        row = row._replace(attempts=row.attempts - {owner})
    if bytes_missing:
        row = row._replace(first_leased_at=None)
    return _put(world, image_hash, row._replace(lease_owner=None, lease_until=None)), None


@operation("marks image {0} as waiting for another day's budget", WRITE)
def _put_off(world: World, image_hash: str, owner: str, began: float) -> tuple[World, bool]:
    row = world.images.get(image_hash, ImageRow())
    if row.lease_owner != owner:
        return world, began in row.deferred_at
    given_up = row._replace(lease_owner=None, lease_until=None, attempts=row.attempts - {owner})
    return _put(world, image_hash, given_up._replace(deferred_at=row.deferred_at | {began})), True


@operation("writes the end of image {0}", WRITE)
def _finish(world: World, image_hash: str, scan: Scan) -> tuple[World, Image]:
    row = world.images.get(image_hash, ImageRow())
    if row.scan is None:
        row = row._replace(scan=scan, lease_owner=None, lease_until=None)
    return _put(world, image_hash, row), _image(image_hash, row)


@operation("claims to queue image {0} again", WRITE)
def _claim_requeue(world: World, image_hash: str, now: float, requeued_before: float) -> tuple[World, bool]:
    row = world.images.get(image_hash, ImageRow())
    if row.scan or (row.requeued_at is not None and row.requeued_at >= requeued_before):
        return world, False
    return _put(world, image_hash, row._replace(requeued_at=now)), True


@operation("marks image {0} for removal", WRITE)
def _mark(world: World, image_hash: str, now: float) -> tuple[World, None]:
    row = world.images.get(image_hash, ImageRow())
    return _put(world, image_hash, row._replace(marked_at=now)), None


@operation("asks the index which images are to be removed", READ)
def _marked(world: World) -> tuple[World, tuple[PurgeCandidate, ...]]:
    rows = sorted(world.images.items())
    return world, tuple(PurgeCandidate(key, row.marked_at) for key, row in rows if row.marked_at is not None)


@operation("removes the row of image {0}", WRITE)
def _remove(world: World, image_hash: str, since: float, finished_at: float | None, now: float) -> tuple[World, bool]:
    row = world.images.get(image_hash, ImageRow())
    is_free = row.lease_until is None or row.lease_until < now
    if row.marked_at != since or not is_free or _finished_at(row) != finished_at:
        return world, False
    removals = world.removals.having(image_hash, world.removals.get(image_hash, 0) + 1)
    return world._replace(images=world.images.without(image_hash), removals=removals), True


def _finished_at(image: Image | ImageRow) -> float | None:
    return image.scan.finished_at if image.scan else None


def image_in(rows: Table[ImageRow], image_hash: str) -> Image | None:
    """The row as the code sees it."""
    row = rows.get(image_hash)
    return _image(image_hash, row) if row else None


def _image(image_hash: str, row: ImageRow) -> Image:
    times = row.first_leased_at, row.lease_until, row.requeued_at
    return Image(image_hash, len(row.attempts), *times, row.scan, tuple(sorted(row.deferred_at)))


def _put(world: World, image_hash: str, row: ImageRow) -> World:
    return world._replace(images=world.images.having(image_hash, row))
