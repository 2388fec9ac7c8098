"""The images bucket: one object per distinct image, keyed by its hash."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.domain.image import KEY_PREFIX, DeclaredImage, StoredObject, ValidatedImage
from imagescan.domain.image_header import HEADER_BYTES
from imagescan.domain.scan_request import Upload

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectVersionTypeDef

_DELETIONS_PER_CALL = 1000  # limit of DeleteObjects
_MAX_DELETIONS = 5 * _DELETIONS_PER_CALL
UPLOAD_URL_SECONDS = 15 * 60
"""Lifetime of a presigned URL."""
_REQUEST_ID = "request-id"
_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})


class DeletionError(Exception):
    """S3 rejected the deletion of a version."""


@dataclass(frozen=True, slots=True)
class ImageBucket:
    client: "S3Client"
    name: str

    def put(self, image: ValidatedImage, request_id: str) -> None:
        """Store the bytes under their hash. S3 verifies the hash and rejects other bytes."""
        self.client.put_object(
            Bucket=self.name,
            Key=image.key,
            Body=image.content,
            ContentType=image.type,
            ChecksumSHA256=_checksum(image.hash),
            Metadata={_REQUEST_ID: request_id},
        )

    def presign_upload(self, image: DeclaredImage, request_id: str, now: float) -> Upload:
        """Return a presigned PUT for exactly these bytes: key, type, length and SHA-256 are signed."""
        parameters = {
            "Bucket": self.name,
            "Key": image.key,
            "ContentType": image.type,
            "ContentLength": image.size,
            "ChecksumSHA256": _checksum(image.hash),
            "Metadata": {_REQUEST_ID: request_id},
        }
        url = self.client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_URL_SECONDS)
        headers = {
            "Content-Type": str(image.type),
            "x-amz-checksum-sha256": _checksum(image.hash),
            f"x-amz-meta-{_REQUEST_ID}": request_id,
        }
        return Upload(url, headers, now + UPLOAD_URL_SECONDS)

    def find(self, key: str) -> StoredObject | None:
        """Return the newest version of the object, or None if it is gone.

        Its hash is the checksum that S3 stored with the object. If there is none, the bytes are read and hashed.
        """
        try:
            head = self.client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return StoredObject(key, head.get("VersionId"), self._hash(key, head), head["Metadata"].get(_REQUEST_ID))

    def was_uploaded_since(self, image_hash: str, since: float) -> bool:
        """Return whether the bytes of the image were uploaded again after that time."""
        return any(version["LastModified"].timestamp() > since for version in self._versions(image_hash))

    def remove(self, image_hash: str, until: float) -> bool:
        """Delete the versions of the image's bytes that were uploaded by that time, at most 5,000 in one call.

        Return whether none is left. Raise DeletionError if S3 rejects a deletion.
        """
        old = (version for version in self._versions(image_hash) if version["LastModified"].timestamp() <= until)
        for batch in batched(islice(old, _MAX_DELETIONS), _DELETIONS_PER_CALL, strict=False):
            self._delete_versions(batch)
        return next(old, None) is None

    def _delete_versions(self, versions: Sequence["ObjectVersionTypeDef"]) -> None:
        objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        response = self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
        for error in response.get("Errors", []):
            raise DeletionError(f"{error.get('Key')} version {error.get('VersionId')}: {error.get('Code')}")

    def _versions(self, image_hash: str) -> Iterator["ObjectVersionTypeDef"]:
        pages = self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.name, Prefix=f"{KEY_PREFIX}{image_hash}."
        )
        return (version for page in pages for version in page.get("Versions", []))

    def read_header(self, stored: StoredObject) -> bytes:
        """Return the first bytes of the object, enough for the header of an image."""
        return self._bytes(stored.key, stored.version, Range=f"bytes=0-{HEADER_BYTES - 1}").read()

    def _hash(self, key: str, head: "HeadObjectOutputTypeDef") -> str:
        checksum = head.get("ChecksumSHA256")
        # A multipart checksum covers the checksums of the parts instead of the bytes.
        if checksum and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            return b64decode(checksum).hex()
        digest = sha256()
        for chunk in self._bytes(key, head.get("VersionId")).iter_chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def _bytes(self, key: str, version: str | None, **options: Any) -> "StreamingBody":
        version_id: dict[str, Any] = {"VersionId": version} if version else {}
        return self.client.get_object(Bucket=self.name, Key=key, **version_id, **options)["Body"]


def _checksum(content_hash: str) -> str:
    """Return a SHA-256 in the encoding that S3 uses."""
    return b64encode(bytes.fromhex(content_hash)).decode()
