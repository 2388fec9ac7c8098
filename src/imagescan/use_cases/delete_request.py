"""Delete a request, and mark its image for purging."""

from typing import Protocol

from imagescan.domain.errors import NotFound
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.visible_images import PossessionReader, read_possessions


class Images(PossessionReader, Protocol):
    def mark_for_purge(self, key: str, now: float) -> None:
        """Have the purger delete the image, or the upload under this key, once no request needs it."""


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...

    def delete(self, request: ScanRequest, now: float) -> None:
        """Replace the request by a record of its deletion."""


def delete_request(
    request_id: str, *, images: Images, requests: Requests, now: float, caller: str | None = None
) -> ScanRequest:
    """Mark the image and the upload of the request, delete the request, and return the request as it was.

    An owner without possession of the image has no part in it. The marks come first: an interrupted deletion can be
    repeated, but a mark without a request cannot. Raise NotFound for an unknown or deleted ID and for a request of
    another caller.
    """
    request = requests.get(request_id)
    if request is None or not request.is_visible_to(caller):
        raise NotFound("request_not_found", "Request not found. It may already have been deleted.")
    if request.has_own_object:
        images.mark_for_purge(request.image_key, now)
    if request.owner is None or not request.awaits_upload or read_possessions([request], images).of(request):
        images.mark_for_purge(request.image_hash, now)
    requests.delete(request, now)
    return request
