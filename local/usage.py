"""Describe how to use a running local stack. `make up` ends with this text."""

from collections.abc import Mapping

from tools import paths

_SUBMIT = """\
  api={api}
  request_id=$(printf '{{"file": "%s", "fileType": "image/jpeg", "label": "cat"}}' \\
      "$(base64 < samples/cat.jpg | tr -d '\\n')" |
    curl -s "$api/scanrequest" -H 'Content-Type: application/json' -d @- |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["request_id"])')
"""
_GET = """\
  while curl -s "$api/scanrequest/$request_id" | grep -q '"status":"pending"'; do sleep 1; done
  curl -s "$api/scanrequest/$request_id" | python3 -m json.tool
"""
_USAGE = """\
{urls}

Submit an image and save its request ID:

{submit}
Get the result:

{get}
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
    return _USAGE.format(urls=lines, submit=submit_command(api_url), get=get_command(), bin=sam)


def submit_command(api_url: str) -> str:
    """Return the command that submits a sample image."""
    return _SUBMIT.format(api=api_url)


def get_command() -> str:
    """Return the command that gets the result, to be run in the same shell as the first one."""
    return _GET
