"""The position of a request in a list, ordered by creation time."""

import re
from dataclasses import dataclass
from typing import Self

from imagescan.domain.scan_request import ScanRequest

_POSITION = re.compile(r"([0-9]{10}\.[0-9]{3})#([!-~]{1,36})")


@dataclass(frozen=True, slots=True, order=True)
class ListPosition:
    """Creation time of a request in seconds, to the millisecond. Requests of the same millisecond are ordered by ID."""

    created_at: float
    request_id: str

    @classmethod
    def of(cls, request: ScanRequest) -> Self:
        return cls(round(request.created_at, 3), request.id)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of ``str``. Raise ValueError for anything else."""
        found = _POSITION.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a position")
        return cls(float(found[1]), found[2])

    def __str__(self) -> str:
        """Return a string that sorts as positions do."""
        return f"{self.created_at:014.3f}#{self.request_id}"
