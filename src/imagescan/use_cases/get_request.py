"""Get the current state of a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagescan.domain.errors import NotFound
from imagescan.domain.image_record import Image, ImageItems
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.visible_images import PossessionReader, read_possessions


class Images(PossessionReader, Protocol):
    def get(self, key: str) -> Image | None: ...

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys using consistent reads. Missing items are left out."""


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...


@dataclass(frozen=True, slots=True)
class RequestState:
    """A request with its answer as of now, and its image's items, as its owner may see them, if they had to be read."""

    request: ScanRequest
    items: ImageItems | None = None


def get_request(
    request_id: str,
    *,
    images: Images,
    requests: Requests,
    now: float,
    caller: str | None = None,
    with_image: bool = False,
) -> RequestState:
    """Return the state of the request. A settled item suffices. Otherwise the image's items decide.

    ``with_image`` also reads the image's items for a settled request.

    Raise NotFound for an unknown or expired ID and for a request of another caller.
    """
    request = requests.get(request_id)
    if request is None or not request.is_visible_to(caller):
        raise request_not_found()
    if request.answer and not with_image:
        return RequestState(request)
    possessions = read_possessions([request], images)
    items = {item.feature: item for item in read_items(request.item_keys, images)}
    state = current_state(request, possessions.visible(request, items), now)
    if state.request.answer and not request.answer:
        # An item is removed only after its requests were settled. The image may have no item now, or a later scan.
        settled = requests.get(request_id)
        return RequestState(settled, state.items) if settled and settled.answer else state
    return state


def request_not_found() -> NotFound:
    """Return the error for a request that does not exist, or not for this caller."""
    return NotFound("request_not_found", "Request not found. Check the ID. Requests expire after the retention period.")


def read_items(keys: Sequence[str], images: Images) -> list[Image]:
    """Return the items under these keys using consistent reads. Missing items are left out."""
    if len(keys) == 1:
        item = images.get(keys[0])
        return [item] if item else []
    return list(images.get_many(keys).values())


def current_state(request: ScanRequest, items: ImageItems | None, now: float) -> RequestState:
    """Return the state of the request that follows from its image's items."""
    return RequestState(with_answer(request, items, now) or request, items)
