"""Tell how a request stands."""

from dataclasses import dataclass
from typing import Protocol

from imagescan.errors import NotFound
from imagescan.requests import Image, ScanRequest, settled


class Images(Protocol):
    def get(self, image_hash: str) -> Image | None: ...


class Requests(Protocol):
    def get(self, request_id: str) -> ScanRequest | None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A request as it stands now, and the image's row where it had to be read."""

    request: ScanRequest
    image: Image | None = None

    @property
    def has_timed_out(self) -> bool:
        """Whether it ended without a scan."""
        return self.request.answer is not None and self.request.answer.scan is None


def status(request_id: str, *, images: Images, requests: Requests, now: float, caller: str | None = None) -> Standing:
    """How the request stands. A settled row says it all; otherwise the image's row decides.

    Raises NotFound for an id that was never given, or whose retention has passed, or that is another caller's.
    """
    request = requests.get(request_id)
    if request is None or not request.is_open_to(caller):
        raise unknown()
    if request.answer:
        return Standing(request)
    stands = standing(request, images.get(request.image_hash), now)
    if stands.has_timed_out:
        # So it looks without its image's row, too; but rows are removed, once their requests were settled.
        again = requests.get(request_id)
        return Standing(again, stands.image) if again and again.answer else stands
    return stands


def unknown() -> NotFound:
    """What is said of a request that there is not, or not for this caller."""
    return NotFound("request_not_found", "There is no request of this id. Check the id; old requests are forgotten.")


def standing(request: ScanRequest, image: Image | None, now: float) -> Standing:
    """How the request stands by its image's row."""
    return Standing(settled(request, image, now) or request, image)
