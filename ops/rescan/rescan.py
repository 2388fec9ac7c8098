"""Reset images whose scan failed, under the conditions under which an image may be purged."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Image
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from imagescan.use_cases.visible_images import is_awaited

RESET, WOULD_RESET, CHANGED = "reset", "would be reset", "kept: it changed"
TOO_RECENT = "kept: it failed less than 20 minutes ago"
PENDING = "kept: a pending request needs it"
MARKED = "kept: it will be purged"


def rescan(
    failure_code: str,
    *,
    images: ImagesTable,
    requests: RequestsTable,
    console: Console,
    now: float,
    limit: int,
    apply: bool,
) -> list[str]:
    """Reset at most ``limit`` images that failed with this code, and print and return the status of each.

    Images that cannot be reset do not count towards the limit. Without ``apply``, nothing is written.
    """
    table, statuses = Table("image", "failed", "status", title=f"Images with {failure_code}"), list[str]()
    for image in images.failed_with(failure_code):
        if sum(status in {RESET, WOULD_RESET} for status in statuses) == limit:
            break
        main = image if image.feature == Feature.LABELS else images.get(image.hash)
        kept = _reason_to_keep(image, main, images, requests, now)
        statuses.append(kept or _reset(image, main, images, now, apply=apply))
        table.add_row(image.key, _format_time(_failed_at(image)), statuses[-1])
    if statuses:
        console.print(table)
    console.print(f"{statuses.count(RESET)} of {len(statuses)} images reset.")
    if WOULD_RESET in statuses:
        console.print(f"Dry run: use --apply to reset {statuses.count(WOULD_RESET)} images.")
    return statuses


def _reason_to_keep(
    image: Image, main: Image | None, images: ImagesTable, requests: RequestsTable, now: float
) -> str | None:
    """Return why the item must remain: a request may still need its result, as before a purge.

    ``main`` is the item for the labels of the image, which holds the marks and the grants for all features.
    """
    granted_at = main.granted_at if main and main.granted_at else 0
    if now < max(_failed_at(image), granted_at) + PURGE_DELAY_SECONDS:
        return TOO_RECENT
    if main and main.purge_until is not None:
        return MARKED
    return PENDING if is_awaited(requests.pending_for_image(image.hash), images) else None


def _reset(image: Image, main: Image | None, images: ImagesTable, now: float, *, apply: bool) -> str:
    if not apply:
        return WOULD_RESET
    return RESET if images.reset(image, main, now) else CHANGED


def _failed_at(image: Image) -> float:
    return max([image.scan.finished_at] if image.scan else image.exhausted_at)


def _format_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
