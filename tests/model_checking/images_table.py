"""The images table in memory, with the conditions of ``imagescan.aws.images_table``."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from imagescan.domain.content import is_content_item_key
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Image,
    LeaseResult,
    Possession,
    PossessionKey,
    PurgeCandidate,
    Scan,
)
from imagescan.domain.policy import ITEM_MARGIN_SECONDS
from imagescan.domain.scan_request import ScanRequest
from tests.model_checking.calls import Caller, operation
from tests.model_checking.faults import READ, WRITE
from tests.model_checking.system_state import ImageItem, PurgeMark, SystemState, Table


class AsRead(NamedTuple):
    """What a deletion requires to be unchanged since the item was read."""

    key: str
    purge_guard: int
    finished_at: float | None
    exhaustions: int


class ImagesTable:
    def __init__(self, call: Caller) -> None:
        self._call = call

    def get(self, key: str) -> Image | None:
        found: Image | None = self._call(_get(key))
        return found

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        found: tuple[Image, ...] | None = self._call(_get_many(tuple(keys)))
        if found is None:
            raise ValueError("the item of an image is malformed")
        return {image.key: image for image in found}

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        lease: LeaseResult = self._call(_lease(key, owner, now, until, max_attempts))
        return lease

    def release(
        self,
        key: str,
        owner: str,
        *,
        refund: bool,
        bytes_missing: bool = False,
        not_before: float | None = None,
    ) -> None:
        self._call(_release(key, owner, refund, bytes_missing, not_before))

    def defer(self, key: str, owner: str, began: float) -> bool:
        is_recorded: bool = self._call(_defer(key, owner, began))
        return is_recorded

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        in_force: Image = self._call(_finish(key, scan, refund))
        return in_force

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        in_force: Image = self._call(_exhaust(image.key, len(image.exhausted_at), at, refund))
        return in_force

    def reopen(self, image: Image) -> None:
        self._call(_reopen(image.key, len(image.exhausted_at)))

    def mark_for_purge(self, key: str, now: float) -> None:
        self._call(_mark_for_purge(key, now))

    def renew(self, read: Image | Possession, now: float) -> bool:
        is_renewed: bool = self._call(_renew(_key_of(read), now))
        return is_renewed

    def remove_expired(self, read: Image | Possession) -> None:
        self._call(_remove_expired(_key_of(read), read.expires_at))

    def reset(self, read: Image, main: Image | None, now: float) -> bool:
        is_removed: bool = self._call(_reset(read.hash, main.purge_guard if main else 0, _as_read(read), now))
        return is_removed

    def failed_with(self, failure_code: str) -> Sequence[Image]:
        failed: tuple[Image, ...] = self._call(_failed_with(failure_code))
        return failed

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        found: tuple[Possession, ...] = self._call(_possessions(tuple(keys)))
        return {possession.key: possession for possession in found}

    def grant(self, possession: Possession) -> None:
        self._call(_count_grant(possession.image_hash, possession.since))
        self._call(_grant(possession))

    def purge_candidates(self) -> Sequence[PurgeCandidate]:
        marked: tuple[PurgeCandidate, ...] = self._call(_purge_candidates())
        return marked

    def remove(self, read: Sequence[Image], now: float) -> bool:
        is_removed: bool = self._call(_remove(tuple(_as_read(each) for each in read), now))
        return is_removed

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        if len(image_hashes) > 1 and self._call(_claim_together(tuple(image_hashes), now, requeued_before)):
            return list(image_hashes)
        return [each for each in image_hashes if self._call(_claim_one(each, now, requeued_before))]


@operation("reads image {0}", READ)
def _get(system: SystemState, image_hash: str) -> tuple[SystemState, Image | None]:
    image = image_in(system.images, image_hash)
    return system, _as_renewed(system, image) if image else None


@operation("reads images", READ)
def _get_many(system: SystemState, image_hashes: Sequence[str]) -> tuple[SystemState, tuple[Image, ...] | None]:
    if not system.malformed_images.isdisjoint(image_hashes):
        return system, None
    found = (image_in(system.images, image_hash) for image_hash in image_hashes)
    return system, tuple(_as_renewed(system, image) for image in found if image)


def _as_renewed(system: SystemState, image: Image) -> Image:
    """Return the image. If items do not expire in the scenario, nothing renews it."""
    return image if system.retention_seconds else replace(image, expires_at=math.inf)


@operation("requests the lease of image {0}", WRITE)
def _lease(  # noqa: PLR0917 - the arguments of the adapter, by position
    system: SystemState, image_hash: str, owner: str, now: float, until: float, max_attempts: int
) -> tuple[SystemState, LeaseResult]:
    item = system.images.get(image_hash, ImageItem())
    is_free = item.lease_until is None or item.lease_until < now or item.lease_owner == owner
    may_try = len(item.attempts) < max_attempts or owner in item.attempts
    is_blocked = item.is_exhausted or (item.not_before is not None and item.not_before > now)
    if item.scan or is_blocked or not is_free or not may_try:
        return system, LeaseResult(granted=False, image=_as_renewed(system, _image(image_hash, item)))
    first = now if item.first_leased_at is None else item.first_leased_at
    item = item._replace(lease_owner=owner, lease_until=until, first_leased_at=first, attempts=item.attempts | {owner})
    item = item._replace(expires_at=_expiry(system, now))
    return _put(system, image_hash, item), LeaseResult(granted=True, image=_image(image_hash, item))


@operation("releases the lease of image {0}", WRITE)
def _release(  # noqa: PLR0917 - the arguments of the adapter, by position
    system: SystemState, image_hash: str, owner: str, refund: bool, bytes_missing: bool, not_before: float | None
) -> tuple[SystemState, None]:
    item = system.images.get(image_hash, ImageItem())
    if item.lease_owner != owner:
        return system, None
    if refund:
        item = item._replace(attempts=item.attempts - {owner})
    if bytes_missing:
        item = item._replace(first_leased_at=None)
    if not_before is not None:
        item = item._replace(not_before=not_before)
    return _put(system, image_hash, item._replace(lease_owner=None, lease_until=None)), None


@operation("defers image {0} to the next day", WRITE)
def _defer(system: SystemState, image_hash: str, owner: str, began: float) -> tuple[SystemState, bool]:
    item = system.images.get(image_hash, ImageItem())
    if item.lease_owner != owner:
        return system, began in item.deferred_at
    released = item._replace(lease_owner=None, lease_until=None, attempts=item.attempts - {owner})
    return _put(system, image_hash, released._replace(deferred_at=item.deferred_at | {began})), True


@operation("writes the terminal result of image {0}", WRITE)
def _finish(system: SystemState, image_hash: str, scan: Scan, refund: str | None) -> tuple[SystemState, Image]:
    item = system.images.get(image_hash, ImageItem())
    if item.scan is None:
        expires_at, attempts = _expiry(system, scan.finished_at), item.attempts - {refund}
        item = item._replace(scan=scan, lease_owner=None, lease_until=None, expires_at=expires_at, attempts=attempts)
    return _put(system, image_hash, item), _image(image_hash, item)


@operation("records that the attempts of image {0} are exhausted", WRITE)
def _exhaust(
    system: SystemState, image_hash: str, budget: int, at: float, refund: str | None
) -> tuple[SystemState, Image]:
    item = system.images.get(image_hash, ImageItem())
    is_current = len(item.exhausted_at) == budget and not item.is_exhausted and bool(item.attempts)
    if item.scan or not is_current:
        return system, _image(image_hash, item)
    item = item._replace(is_exhausted=True, exhausted_at=item.exhausted_at | {at}, lease_owner=None, lease_until=None)
    item = item._replace(attempts=item.attempts - {refund})
    return _put(system, image_hash, item), _image(image_hash, item)


@operation("reopens image {0}", WRITE)
def _reopen(system: SystemState, image_hash: str, budget: int) -> tuple[SystemState, None]:
    item = system.images.get(image_hash, ImageItem())
    if item.scan or not item.is_exhausted or len(item.exhausted_at) != budget:
        return system, None
    return _put(system, image_hash, item._replace(attempts=frozenset(), is_exhausted=False, not_before=None)), None


@operation("claims the requeue of images in one transaction", WRITE)
def _claim_together(
    system: SystemState, image_hashes: Sequence[str], now: float, requeued_before: float
) -> tuple[SystemState, bool]:
    if not all(_is_claimable(system, image_hash, requeued_before) for image_hash in image_hashes):
        return system, False
    for image_hash in image_hashes:
        system = _claimed(system, image_hash, now)
    return system, True


@operation("claims the requeue of image {0}", WRITE)
def _claim_one(system: SystemState, image_hash: str, now: float, requeued_before: float) -> tuple[SystemState, bool]:
    if not _is_claimable(system, image_hash, requeued_before):
        return system, False
    return _claimed(system, image_hash, now), True


def _is_claimable(system: SystemState, image_hash: str, requeued_before: float) -> bool:
    item = system.images.get(image_hash, ImageItem())
    return item.requeued_at is None or item.requeued_at < requeued_before


def _claimed(system: SystemState, image_hash: str, now: float) -> SystemState:
    item = system.images.get(image_hash, ImageItem())
    return _put(system, image_hash, item._replace(requeued_at=now, expires_at=_expiry(system, now)))


@operation("marks image {0} for purging", WRITE)
def _mark_for_purge(system: SystemState, key: str, now: float) -> tuple[SystemState, None]:
    item = system.images.get(key, ImageItem())
    earlier = item.purge_mark or PurgeMark(now, now)
    mark = PurgeMark(earlier.marked_at, max(earlier.covers_until, now))
    marked = item._replace(purge_mark=mark, purge_guard=item.purge_guard + 1, expires_at=_expiry(system, now))
    return _put(system, key, marked), None


@operation("reads possessions", READ)
def _possessions(system: SystemState, keys: Sequence[PossessionKey]) -> tuple[SystemState, tuple[Possession, ...]]:
    found = (system.possessions.get(_possession_id(key)) for key in keys)
    if system.retention_seconds:
        return system, tuple(possession for possession in found if possession)
    return system, tuple(possession._replace(expires_at=math.inf) for possession in found if possession)


@operation("records in image {0} that it gets a new owner", WRITE)
def _count_grant(system: SystemState, image_hash: str, now: float) -> tuple[SystemState, None]:
    item = system.images.get(image_hash, ImageItem())
    granted = item._replace(granted_at=now, purge_guard=item.purge_guard + 1, expires_at=_expiry(system, now))
    return _put(system, image_hash, granted), None


@operation("stores that an owner has the image", WRITE)
def _grant(system: SystemState, possession: Possession) -> tuple[SystemState, None]:
    key = _possession_id(possession.key)
    if key in system.possessions:
        return system, None
    possession = possession._replace(expires_at=_expiry(system, possession.since))
    return system._replace(possessions=system.possessions.with_item(key, possession)), None


@operation("extends the expiry of {0}", WRITE)
def _renew(system: SystemState, key: str, now: float) -> tuple[SystemState, bool]:
    expires_at = _expiry(system, now)
    if key in system.images:
        return _put(system, key, system.images[key]._replace(expires_at=expires_at)), True
    if key in system.possessions:
        renewed = system.possessions[key]._replace(expires_at=expires_at)
        return system._replace(possessions=system.possessions.with_item(key, renewed)), True
    return system, False


@operation("deletes {0} because it has expired", WRITE)
def _remove_expired(system: SystemState, key: str, expires_at: float | None) -> tuple[SystemState, None]:
    items: tuple[Table[ImageItem], Table[Possession]] = system.images, system.possessions
    is_unchanged = any(key in table and table[key].expires_at == expires_at for table in items)
    return (without_item(system, key) if is_unchanged else system), None


def without_item(system: SystemState, key: str) -> SystemState:
    """Return the system without this image or possession."""
    if key in system.possessions:
        return system._replace(possessions=system.possessions.without_item(key))
    purges = system.purges.with_item(key, system.purges.get(key, 0) + 1)
    return system._replace(images=system.images.without_item(key), purges=purges)


def _key_of(item: Image | Possession) -> str:
    return _possession_id(item.key) if isinstance(item, tuple) else item.key  # the class may be that of another copy


def _possession_id(key: PossessionKey) -> str:
    return f"{key.image_hash}/{key.owner}"


def possession_in(possessions: Table[Possession], request: ScanRequest) -> Possession | None:
    """Return the possession of the owner of the request."""
    return possessions.get(_possession_id(PossessionKey(request.owner, request.image_hash))) if request.owner else None


@operation("reads the purge candidates from the index", READ)
def _purge_candidates(system: SystemState) -> tuple[SystemState, tuple[PurgeCandidate, ...]]:
    items = sorted(system.images.items())
    return system, tuple(PurgeCandidate(key, item.purge_mark.marked_at) for key, item in items if item.purge_mark)


@operation("deletes the items of an image", WRITE)
def _remove(system: SystemState, read: Sequence[AsRead], now: float) -> tuple[SystemState, bool]:
    if not all(_is_unchanged(system, each, now) for each in read):
        return system, False
    for each in read:
        system = without_item(system, each.key)
    return system, True


@operation("resets image {0}", WRITE)
def _reset(system: SystemState, image_hash: str, guard: int, read: AsRead, now: float) -> tuple[SystemState, bool]:
    main = system.images.get(image_hash, ImageItem())
    if main.purge_mark or main.purge_guard != guard or not _is_unchanged(system, read, now):
        return system, False
    return without_item(system, read.key), True


def _is_unchanged(system: SystemState, read: AsRead, now: float) -> bool:
    item = system.images.get(read.key, ImageItem())
    is_free = item.lease_until is None or item.lease_until < now
    return is_free and read == (read.key, item.purge_guard, _finished_at(item), len(item.exhausted_at))


@operation("reads the failed images", READ)
def _failed_with(system: SystemState, failure_code: str) -> tuple[SystemState, tuple[Image, ...]]:
    items = sorted(system.images.items())
    images = ((key, item) for key, item in items if not item.purge_mark and not is_content_item_key(key))
    return system, tuple(_image(key, item) for key, item in images if _has_failed(item, failure_code))


def _has_failed(item: ImageItem, failure_code: str) -> bool:
    if item.scan:
        return item.scan.failure is not None and item.scan.failure.code == failure_code
    return item.is_exhausted and failure_code == ATTEMPTS_EXHAUSTED.code


def _as_read(image: Image) -> AsRead:
    return AsRead(image.key, image.purge_guard, _finished_at(image), len(image.exhausted_at))


def _finished_at(image: Image | ImageItem) -> float | None:
    return image.scan.finished_at if image.scan else None


def items_in(items: Table[ImageItem], image_hash: str) -> dict[Feature, Image]:
    """Return the items of the image by feature, as the code reads them."""
    found = ((feature, image_in(items, item_key(image_hash, feature))) for feature in Feature)
    return {feature: image for feature, image in found if image}


def image_in(items: Table[ImageItem], image_hash: str) -> Image | None:
    """Return the image as the code reads it."""
    item = items.get(image_hash)
    return _image(image_hash, item) if item else None


def _image(image_hash: str, item: ImageItem) -> Image:
    times = item.first_leased_at, item.lease_until, item.requeued_at
    return Image(
        image_hash,
        len(item.attempts),
        *times,
        item.scan,
        tuple(sorted(item.deferred_at)),
        tuple(sorted(item.exhausted_at)),
        item.is_exhausted,
        item.not_before,
        item.purge_mark.covers_until if item.purge_mark else None,
        item.granted_at,
        item.purge_guard,
        item.expires_at,
    )


def _expiry(system: SystemState, now: float) -> float | None:
    return int(now) + system.retention_seconds + ITEM_MARGIN_SECONDS if system.retention_seconds else None


def _put(system: SystemState, image_hash: str, item: ImageItem) -> SystemState:
    return system._replace(images=system.images.with_item(image_hash, item))
