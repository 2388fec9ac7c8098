"""Redeliver scan messages that the scanner returned to the queue five times."""

from dataclasses import dataclass
from typing import Any

from imagescan.aws.images_table import ImagesTable
from imagescan.aws.s3_events import MalformedMessage, image_keys
from imagescan.domain.image import hash_from_key
from imagescan.domain.image_record import Image
from ops.redrive.dead_letters import DeadLetter, FailureReason


@dataclass(frozen=True, slots=True)
class ScanQueueTarget:
    """The scan queue and the table of its images. `sqs` is a boto3 client."""

    sqs: Any
    url: str
    images: ImagesTable
    name: str = "scan queue"

    def reason(self, letter: DeadLetter) -> FailureReason:
        """Return the state of the message's images, or why the message is malformed."""
        try:
            keys = image_keys(letter.body)
        except MalformedMessage as malformed:
            return FailureReason(str(malformed), is_malformed=True)
        hashes = [image_hash for key in keys if (image_hash := hash_from_key(key))]
        images = self.images.get_many(hashes) if hashes else {}
        states = [f"{image_hash[:12]} {_state(images.get(image_hash))}" for image_hash in hashes]
        return FailureReason("; ".join(states) or "contains no image of this service")

    def redeliver(self, letter: DeadLetter) -> None:
        """Send the message to the scan queue."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=letter.body)


def _state(image: Image | None) -> str:
    if image is None:
        return "has not been scanned"
    if image.scan:
        return f"is already {image.scan.status}"
    return f"is pending after {image.attempts} paid attempts"
