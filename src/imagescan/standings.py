"""Tell how many requests stand, as ``status`` does for one."""

from collections.abc import Sequence
from typing import Protocol

from imagescan.requests import Image, ScanRequest
from imagescan.status import Standing, standing


class Images(Protocol):
    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]: ...


class Requests(Protocol):
    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]: ...


def standings(
    request_ids: Sequence[str], *, images: Images, requests: Requests, now: float, caller: str | None
) -> dict[str, Standing]:
    """How each of at most 100 requests stands, by its id; unknown ones and other callers' are left out."""
    rows = {key: row for key, row in requests.get_many(request_ids).items() if row.is_open_to(caller)}
    of_image = images.get_many(sorted({row.image_hash for row in rows.values() if not row.answer}))
    stands = {key: standing(row, of_image.get(row.image_hash), now) for key, row in rows.items()}
    timed_out = [key for key, each in stands.items() if not rows[key].answer and each.has_timed_out]
    if timed_out:  # or settled since, and then their image's row removed
        again = requests.get_many(timed_out)
        stands |= {key: Standing(row, stands[key].image) for key, row in again.items() if row.answer}
    return stands
