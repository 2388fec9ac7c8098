"""Build the web page with npm and publish it to a bucket."""

import json
import mimetypes
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools import builds, paths
from tools.console import CommandError
from tools.content_hash import content_hash

SOURCES = paths.ROOT / "frontend"
# Generated files and tests do not change the build.
NOT_SOURCES = {"node_modules", "dist", "artefacts", "tests"}

# The start of the content security policy's connect-src directive in index.html.
CONNECT_SRC = "connect-src 'self'"

CACHE_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"


def build() -> Path:
    """Return the folder with the built page. Build only if the sources changed. Raise CommandError if npm fails."""
    output = paths.WEB_BUILDS / content_hash(_files(SOURCES))
    if not output.exists():
        draft = output.with_name(f"{output.name}.{os.getpid()}.draft")
        npm("run", "build", "--", "--outDir", str(draft), "--emptyOutDir")
        builds.finish(draft, output)
    return output


@dataclass(frozen=True)
class SignIn:
    """Sign-in settings of the page: the origin of the sign-in pages, without a trailing slash, and the app client."""

    url: str
    client_id: str


def publish(
    built: Path, s3: Any, bucket: str, api_url: str, *, sign_in: SignIn | None = None, upload_origin: str | None = None
) -> None:
    """Upload the page to a bucket, with the URL of its API (absolute, or relative to the page).

    The content security policy of the page allows connections to the API, the sign-in pages and the upload origin.
    """
    origins = [origin for origin in (_origin(api_url), sign_in and sign_in.url, upload_origin) if origin]
    # Upload index.html last, because it refers to all other files.
    for path in sorted(built.rglob("*"), key=lambda path: path.name == "index.html"):
        if path.is_file():
            _put(s3, bucket, path.relative_to(built).as_posix(), _content(path, origins))
    config = {"apiUrl": api_url} | ({"signIn": {"url": sign_in.url, "clientId": sign_in.client_id}} if sign_in else {})
    _put(s3, bucket, "config.json", json.dumps(config).encode())


def npm(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Run npm in the web page's folder with additional environment variables. Raise CommandError if it fails."""
    command = ["npm", "--prefix", str(SOURCES), *arguments]
    environment = os.environ | (variables or {})
    completed = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if completed.returncode:
        name = " ".join(arguments[:2])
        raise CommandError(f"{completed.stdout}\n`npm {name}` failed for the web page. See its output above.")


def _origin(url: str) -> str | None:
    """Return the origin of an absolute URL, or None for a relative one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def _content(path: Path, origins: list[str]) -> bytes:
    content = path.read_bytes()
    if path.name != "index.html":
        return content
    return content.replace(CONNECT_SRC.encode(), " ".join([CONNECT_SRC, *origins]).encode())


def _put(s3: Any, bucket: str, key: str, content: bytes) -> None:
    content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    # The names of assets contain a hash of their content. The names of other files do not change.
    cache_control = CACHE_FOREVER if key.startswith("assets/") else REVALIDATE
    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, CacheControl=cache_control)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield path
        elif path.name not in NOT_SOURCES:
            yield from _files(path)
