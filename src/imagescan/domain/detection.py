"""What a detector returns, and the errors it raises."""

from dataclasses import dataclass

from imagescan.domain.image_record import Failure
from imagescan.domain.match import Finding


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector found, and the version of its model."""

    findings: tuple[Finding, ...]
    model_version: str


class DetectionError(Exception):
    """The detector returned no findings. ``code`` is the detector's own error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class QuotaExceeded(DetectionError):
    """The daily quota is used up. ``at`` is the time of that finding in seconds since the epoch."""

    def __init__(self, at: float) -> None:
        super().__init__("QuotaExceeded")
        self.at = at


class ImageRejected(DetectionError):
    """The image cannot be scanned, now or later. ``failure`` gives the reason."""

    def __init__(self, code: str, failure: Failure) -> None:
        super().__init__(code)
        self.failure = failure


class TransientDetectorError(DetectionError):
    """A transient fault: throttling, a timeout, a server error, or an unknown code.

    ``may_be_billed`` is True if the call may have been paid for although no response arrived.
    """

    def __init__(self, code: str, *, may_be_billed: bool = False) -> None:
        super().__init__(code)
        self.may_be_billed = may_be_billed


class DetectorConfigurationError(DetectionError):
    """A fault of this deployment, such as a missing permission. An operator must correct it."""

    may_be_billed = False


class InvalidParametersError(DetectorConfigurationError):
    """The detector rejected the parameters. The code does not say whether the image or the call is at fault.

    ``is_image_at_fault`` is True if other calls with the same parameters succeeded recently. Otherwise, the header of
    the image may still explain the rejection.
    """

    def __init__(self, code: str, *, is_image_at_fault: bool = False) -> None:
        super().__init__(code)
        self.is_image_at_fault = is_image_at_fault
