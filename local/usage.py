"""Describe how to use a running local stack. `make up` ends with this text."""

from collections.abc import Mapping

from tools import paths

_SCAN = """\
  printf '{{"file": "%s", "fileType": "image/jpeg", "label": "cat"}}' \\
      "$(base64 < samples/cat.jpg | tr -d '\\n')" |
    curl -s {api}/scanrequest \\
      -H 'Content-Type: application/json' -H 'Prefer: wait=20' -d @- |
    python3 -m json.tool
"""
_USAGE = """\
{urls}

Submit an image, wait up to 20 seconds for the result, and print it:

{scan}
Add the SAM CLI ({bin}/sam) to your PATH:

  export PATH="$PWD/{bin}:$PATH"

Next steps:

  make demo    Scan the sample images and print the results
  make status  Show health, URLs, queue depths and recent scans
  make logs    Follow the logs of the functions
  make down    Stop the stack and keep its data
"""


def usage(urls: Mapping[str, str], api_url: str) -> str:
    """Return the URLs of the stack and commands that can be pasted into a shell in the project's folder."""
    lines = "\n".join(f"  {name:22} {url}" for name, url in urls.items())
    sam = paths.SAM_BIN.relative_to(paths.ROOT)
    return _USAGE.format(urls=lines, scan=scan_command(api_url), bin=sam)


def scan_command(api_url: str) -> str:
    """Return the command that submits a sample image and prints the result."""
    return _SCAN.format(api=api_url)
