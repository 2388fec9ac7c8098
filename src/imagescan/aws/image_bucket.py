"""The images bucket: one object for each distinct image, under its hash."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from imagescan.images import CheckedImage, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_REQUEST_ID = "request-id"
_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})


@dataclass(frozen=True, slots=True)
class ImageBucket:
    client: "S3Client"
    name: str

    def put(self, image: CheckedImage, request_id: str) -> None:
        """Store the bytes under their hash; S3 checks them against it and refuses others."""
        self.client.put_object(
            Bucket=self.name,
            Key=image.key,
            Body=image.content,
            ContentType=image.type,
            ChecksumSHA256=b64encode(bytes.fromhex(image.hash)).decode(),
            Metadata={_REQUEST_ID: request_id},
        )

    def find(self, key: str) -> StoredObject | None:
        """The newest version of the object, or None when it is gone.

        Its hash is the one S3 took when the bytes came in; where there is none, the bytes are read and hashed here.
        """
        try:
            head = self.client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return StoredObject(key, head.get("VersionId"), self._hash(key, head), head["Metadata"].get(_REQUEST_ID))

    def _hash(self, key: str, head: "HeadObjectOutputTypeDef") -> str:
        checksum = head.get("ChecksumSHA256")
        if checksum and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":  # a multipart one is of its parts
            return b64decode(checksum).hex()
        version = {"VersionId": head["VersionId"]} if "VersionId" in head else {}
        digest = sha256()
        for chunk in self.client.get_object(Bucket=self.name, Key=key, **version)["Body"].iter_chunks():  # type: ignore[arg-type]  # the stubs have no way to spell "present or absent"
            digest.update(chunk)
        return digest.hexdigest()
