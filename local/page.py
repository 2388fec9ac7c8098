"""The web page: built with npm when its sources are new, and put where browsers find it."""

import json
import mimetypes
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import paths
from local.fingerprint import fingerprint
from local.say import Trouble

SOURCES = paths.ROOT / "frontend"
# The folders that npm and the tests make.
MADE_THERE = {"node_modules", "dist", "artefacts", "tests"}

# How the content security policy in index.html begins to say whom the page may speak to.
CONNECT = "connect-src 'self'"

FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"


def build() -> Path:
    """The folder that holds the built page; made only when the sources are new."""
    made = paths.PAGES / fingerprint(_files(SOURCES))
    if not made.exists():
        # Renamed when whole, so that a build cut short is never taken for one.
        draft = made.with_name(f"{made.name}.{os.getpid()}.draft")
        npm("run", "build", "--", "--outDir", str(draft), "--emptyOutDir")
        draft.rename(made)
    return made


@dataclass(frozen=True)
class SignIn:
    """Where people sign in, as an origin without a slash at its end, and as which client of the user pool."""

    url: str
    client_id: str


def publish(built: Path, s3: Any, bucket: str, api_url: str, sign_in: SignIn | None = None) -> None:
    """Puts the page into a bucket, with the address of its API (absolute, or relative to the page)."""
    # The index names all others: coming last, it never names what is not there yet.
    for path in sorted(built.rglob("*"), key=lambda path: path.name == "index.html"):
        if path.is_file():
            _put(s3, bucket, path.relative_to(built).as_posix(), _content(path, sign_in))
    config = {"apiUrl": api_url} | ({"signIn": {"url": sign_in.url, "clientId": sign_in.client_id}} if sign_in else {})
    _put(s3, bucket, "config.json", json.dumps(config).encode())


def npm(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Runs npm on the page, with these environment variables besides one's own. `Trouble` when it fails."""
    command = ["npm", "--prefix", str(SOURCES), *arguments]
    environment = os.environ | (variables or {})
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise Trouble(f"{done.stdout}\nnpm {' '.join(arguments[:2])} failed for the web page; what it said is above.")


def _content(path: Path, sign_in: SignIn | None) -> bytes:
    content = path.read_bytes()
    if sign_in is None or path.name != "index.html":
        return content
    # The page exchanges its code for tokens there, which its content security policy has to allow.
    return content.replace(CONNECT.encode(), f"{CONNECT} {sign_in.url}".encode())


def _put(s3: Any, bucket: str, key: str, content: bytes) -> None:
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    # The names of assets change with their content; the others keep theirs.
    cache = FOR_EVER if key.startswith("assets/") else ASK_FIRST
    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind, CacheControl=cache)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file():
            yield path
        elif path.name not in MADE_THERE:
            yield from _files(path)
