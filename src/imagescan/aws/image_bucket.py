"""The images bucket: one object for each distinct image, under its hash."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.images import HEADER_BYTES, KEY_PREFIX, AnnouncedImage, CheckedImage, StoredObject
from imagescan.requests import Upload

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectVersionTypeDef

UPLOAD_SECONDS = 15 * 60
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
            ChecksumSHA256=_checksum(image.hash),
            Metadata={_REQUEST_ID: request_id},
        )

    def upload_for(self, image: AnnouncedImage, request_id: str, now: float) -> Upload:
        """A presigned PUT that S3 takes for these very bytes only: key, type, length and SHA-256 are signed."""
        parameters = {
            "Bucket": self.name,
            "Key": image.key,
            "ContentType": image.type,
            "ContentLength": image.size,
            "ChecksumSHA256": _checksum(image.hash),
            "Metadata": {_REQUEST_ID: request_id},
        }
        url = self.client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_SECONDS)
        headers = {
            "Content-Type": str(image.type),
            "x-amz-checksum-sha256": _checksum(image.hash),
            f"x-amz-meta-{_REQUEST_ID}": request_id,
        }
        return Upload(url, headers, now + UPLOAD_SECONDS)

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

    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        """Whether the image's bytes came once more after that."""
        return any(version["LastModified"].timestamp() > since for version in self._versions(image_hash))

    def remove(self, image_hash: str, until: float) -> None:
        """Delete the image's bytes as far as they were uploaded by then, every version."""
        for version in self._versions(image_hash):
            if version["LastModified"].timestamp() <= until:
                self.client.delete_object(Bucket=self.name, Key=version["Key"], VersionId=version["VersionId"])

    def _versions(self, image_hash: str) -> Iterator["ObjectVersionTypeDef"]:
        pages = self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.name, Prefix=f"{KEY_PREFIX}{image_hash}."
        )
        return (version for page in pages for version in page.get("Versions", []))

    def read_start(self, stored: StoredObject) -> bytes:
        """The object's first bytes, as many as an image's header takes."""
        return self._bytes(stored.key, stored.version, Range=f"bytes=0-{HEADER_BYTES - 1}").read()

    def _hash(self, key: str, head: "HeadObjectOutputTypeDef") -> str:
        checksum = head.get("ChecksumSHA256")
        if checksum and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":  # a multipart one is of its parts
            return b64decode(checksum).hex()
        digest = sha256()
        for chunk in self._bytes(key, head.get("VersionId")).iter_chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def _bytes(self, key: str, version: str | None, **options: Any) -> "StreamingBody":
        of_version: dict[str, Any] = {"VersionId": version} if version else {}
        return self.client.get_object(Bucket=self.name, Key=key, **of_version, **options)["Body"]


def _checksum(content_hash: str) -> str:
    """A SHA-256 as S3 writes it."""
    return b64encode(bytes.fromhex(content_hash)).decode()
