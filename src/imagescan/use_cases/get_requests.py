"""Get the current state of several requests."""

from collections.abc import Sequence
from typing import Protocol

from imagescan.domain.image_record import Image, group_by_image
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.get_request import RequestState, current_state
from imagescan.use_cases.visible_images import PossessionReader, read_possessions


class Images(PossessionReader, Protocol):
    def get_many(self, keys: Sequence[str]) -> dict[str, Image]: ...


class Requests(Protocol):
    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]: ...


def get_requests(
    request_ids: Sequence[str], *, images: Images, requests: Requests, now: float, caller: str | None
) -> dict[str, RequestState]:
    """Return the states of at most 100 requests by ID. Unknown IDs and requests of other callers are left out."""
    found = {key: request for key, request in requests.get_many(request_ids).items() if request.is_visible_to(caller)}
    pending = [request for request in found.values() if not request.answer]
    possessions = read_possessions(pending, images)
    items = group_by_image(images.get_many(sorted({key for request in pending for key in request.item_keys})).values())
    states = {
        key: RequestState(request)
        if request.answer
        else current_state(request, possessions.visible(request, items.get(request.image_hash, {})), now)
        for key, request in found.items()
    }
    answered = [key for key, state in states.items() if not found[key].answer and state.request.answer]
    if answered:  # or settled in the meantime, after which the image may have been removed, or scanned again
        reread = requests.get_many(answered)
        states |= {key: RequestState(request, states[key].items) for key, request in reread.items() if request.answer}
    return states
