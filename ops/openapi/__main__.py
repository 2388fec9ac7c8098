"""Write docs/openapi.json. Run with `make openapi`."""

import json

from ops.openapi.description import describe
from tools import paths

DOCUMENT = paths.ROOT / "docs" / "openapi.json"


def text() -> str:
    """Return the content of the file."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(text())
