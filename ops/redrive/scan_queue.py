"""Announcements of images that the scanner gave back five times."""

from dataclasses import dataclass
from typing import Any

from imagescan.aws.images_table import ImagesTable
from imagescan.aws.s3_events import MalformedMessage, image_keys
from imagescan.domain.image import hash_from_key
from imagescan.domain.image_record import Image
from ops.redrive.letters import Letter, Reason


@dataclass(frozen=True, slots=True)
class ScanQueue:
    """The queue they came from by its address, and the table of its images; ``sqs`` is a boto3 client."""

    sqs: Any
    url: str
    images: ImagesTable
    name: str = "the scan queue"

    def reason(self, letter: Letter) -> Reason:
        """How its images stand, or why it is poison."""
        try:
            keys = image_keys(letter.body)
        except MalformedMessage as poison:
            return Reason(str(poison), is_poison=True)
        hashes = [image_hash for key in keys if (image_hash := hash_from_key(key))]
        found = self.images.get_many(hashes) if hashes else {}
        states = [f"{image_hash[:12]} {_state(found.get(image_hash))}" for image_hash in hashes]
        return Reason("; ".join(states) or "announces no image of ours")

    def give_back(self, letter: Letter) -> None:
        """Return it to the scan queue."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=letter.body)


def _state(image: Image | None) -> str:
    if image is None:
        return "was never begun"
    if image.scan:
        return f"is {image.scan.status} already"
    return f"is pending after {image.attempts} paid attempts"
