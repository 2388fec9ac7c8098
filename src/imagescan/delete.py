"""Delete a request, and have its image removed when nobody waits for it."""

from typing import Protocol

from imagescan.errors import NotFound
from imagescan.requests import ScanRequest


class Images(Protocol):
    def mark_for_removal(self, image_hash: str, now: float) -> None:
        """Have the sweeper remove the image, once that is safe."""


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...

    def delete(self, request_id: str) -> None: ...


def delete(
    request_id: str, *, images: Images, requests: Requests, now: float, caller: str | None = None
) -> ScanRequest:
    """Delete the request and mark its image; the request as it was.

    The mark comes first: a request whose deletion was cut short can be deleted again, a mark without a request cannot.
    Raises NotFound for an id that was never given, that was deleted before, or is another caller's.
    """
    request = requests.get(request_id)
    if request is None or not request.is_open_to(caller):
        raise NotFound("request_not_found", "There is no request of this id. It may have been deleted before.")
    images.mark_for_removal(request.image_hash, now)
    requests.delete(request_id)
    return request
