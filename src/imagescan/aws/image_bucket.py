"""The images bucket: one object per distinct posted image, and one per direct upload."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from imagescan.domain.image import (
    KEY_PREFIX,
    DeclaredImage,
    StoredObject,
    ValidatedImage,
    object_key,
    upload_key,
)
from imagescan.domain.image_header import HEADER_BYTES
from imagescan.domain.scan_request import ScanRequest, Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

_DELETIONS_PER_CALL = 1000  # limit of DeleteObjects
_MAX_DELETIONS = 5 * _DELETIONS_PER_CALL
UPLOAD_URL_SECONDS = 15 * 60
"""Lifetime of a presigned URL."""
_REQUEST_ID = "request-id"
_CHUNK_BYTES = 256 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})


class DeletionError(Exception):
    """S3 rejected the deletion of a version."""


@dataclass(frozen=True, slots=True)
class ImageBucket:
    client: "S3Client"
    name: str

    def put(self, image: ValidatedImage, request: ScanRequest) -> None:
        """Store the bytes under the key of the request. S3 verifies the hash and rejects other bytes.

        The object of a direct upload is stored once. Posted bytes are stored again if the submission is repeated: the
        scanner may have skipped them because their request was missing.
        """
        once: dict[str, Any] = {"IfNoneMatch": "*"} if request.awaits_upload else {}
        try:
            self.client.put_object(
                Bucket=self.name,
                Key=request.image_key,
                Body=image.content,
                ContentType=image.type,
                ChecksumSHA256=_checksum(image.hash),
                Metadata={_REQUEST_ID: request.id},
                **once,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise

    def presign_upload(self, image: DeclaredImage, request: ScanRequest, now: float) -> Upload:
        """Return a presigned PUT for exactly these bytes, once: key, type, length, SHA-256 and absence are signed.

        ``If-None-Match: *`` makes S3 reject the request with status 412 while the object exists.
        """
        parameters = {
            "Bucket": self.name,
            "Key": request.image_key,
            "ContentType": image.type,
            "ContentLength": image.size,
            "ChecksumSHA256": _checksum(image.hash),
            "IfNoneMatch": "*",
            "Metadata": {_REQUEST_ID: request.id},
        }
        url = self.client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_URL_SECONDS)
        headers = {
            "Content-Type": str(image.type),
            "If-None-Match": "*",
            "x-amz-checksum-sha256": _checksum(image.hash),
            f"x-amz-meta-{_REQUEST_ID}": request.id,
        }
        return Upload(url, headers, now + UPLOAD_URL_SECONDS)

    def copy_scanned(self, image: DeclaredImage, scanned_for: str | None, request: ScanRequest) -> bool:
        """Store the bytes that were scanned for an earlier request as the upload of ``request``.

        They were uploaded for that request alone, or posted. S3 keeps their checksum, and sends a notification. Return
        False if they are no longer stored.
        """
        uploaded = [upload_key(scanned_for, image.hash, image.type)] if scanned_for else []
        return any(self._copy(key, image, request) for key in [*uploaded, object_key(image.hash, image.type)])

    def _copy(self, key: str, image: DeclaredImage, request: ScanRequest) -> bool:
        try:
            self.client.copy_object(
                Bucket=self.name,
                Key=request.image_key,
                CopySource={"Bucket": self.name, "Key": key},
                ContentType=image.type,
                Metadata={_REQUEST_ID: request.id},
                MetadataDirective="REPLACE",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    def find(self, key: str) -> StoredObject | None:
        """Read and hash the newest version of the object. Return None if it is gone."""
        try:
            return self._read(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        except (HTTPClientError, IncompleteReadError):  # the SDK does not retry what fails while the bytes arrive
            return self._read(key)

    def _read(self, key: str) -> StoredObject:
        found = self.client.get_object(Bucket=self.name, Key=key)
        with closing(found["Body"]) as body:
            image_hash, content_hash = read_hashes(body.iter_chunks(_CHUNK_BYTES))
        request_id = found["Metadata"].get(_REQUEST_ID)
        uploaded_at = found["LastModified"].timestamp()
        return StoredObject(key, found.get("VersionId"), image_hash, request_id, uploaded_at, content_hash)

    def remove(self, image_hash: str, until: float, covered_until: float) -> bool:
        """Delete the versions of the image's posted bytes that were stored by ``until``, at most 5,000 in one call.

        Return whether none is left that was stored by ``covered_until``. Raise DeletionError if S3 rejects a deletion.
        """
        kept: list[float] = []

        def removable() -> Iterator["ObjectVersionTypeDef"]:
            for version in self._versions(f"{KEY_PREFIX}{image_hash}."):
                at = version["LastModified"].timestamp()
                if at <= until:
                    yield version
                elif at <= covered_until:
                    kept.append(at)

        return self._delete(removable()) and not kept

    def remove_upload(self, key: str, until: float) -> bool:
        """Delete the versions of an object of one request that were stored by ``until``, at most 5,000 in one call.

        Return whether none is left. Raise DeletionError if S3 rejects a deletion.
        """
        versions = list(self._versions(key))
        removable = [version for version in versions if version["LastModified"].timestamp() <= until]
        return self._delete(iter(removable)) and len(removable) == len(versions)

    def _delete(self, versions: Iterator["ObjectVersionTypeDef"]) -> bool:
        for batch in batched(islice(versions, _MAX_DELETIONS), _DELETIONS_PER_CALL, strict=False):
            self._delete_versions(batch)
        return next(versions, None) is None

    def _delete_versions(self, versions: Sequence["ObjectVersionTypeDef"]) -> None:
        objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        response = self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
        for error in response.get("Errors", []):
            raise DeletionError(f"{error.get('Key')} version {error.get('VersionId')}: {error.get('Code')}")

    def _versions(self, prefix: str) -> Iterator["ObjectVersionTypeDef"]:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
        return (version for page in pages for version in page.get("Versions", []))

    def read_header(self, stored: StoredObject) -> bytes:
        """Return the first bytes of the object, enough for the header of an image."""
        version: dict[str, Any] = {"VersionId": stored.version} if stored.version else {}
        start = f"bytes=0-{HEADER_BYTES - 1}"
        return self.client.get_object(Bucket=self.name, Key=stored.key, Range=start, **version)["Body"].read()


def read_hashes(chunks: Iterable[bytes]) -> tuple[str, str | None]:
    """Return the SHA-256 of these bytes, and the hash of their content, or None if they have no canonical form."""
    from imagescan.domain.content_hash import content_hash  # noqa: PLC0415 - only the scanner and the purger read bytes

    digest = sha256()

    def hashed() -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    remaining = hashed()
    content = content_hash(remaining)
    for _ in remaining:
        pass
    return digest.hexdigest(), content


def _checksum(image_hash: str) -> str:
    """Return a SHA-256 in the encoding that S3 uses."""
    return b64encode(bytes.fromhex(image_hash)).decode()
