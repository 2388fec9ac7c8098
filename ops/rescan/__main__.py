"""Let images whose scan failed be scanned again: `make rescan FAILURE=image_invalid`.

Without `--apply`, only print what would be done. With it, delete the items of these images from the images table, so
that the next submission of an image scans it and pays for it again. Answered requests keep their results.
"""

import argparse
import sys
import time

from rich.console import Console

from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from ops.deployed_stack import access, add_arguments
from ops.rescan.rescan import rescan
from tools.console import CommandError

DEFAULT_LIMIT = 100


def main() -> int:
    """Reset the images of a stack. Return 1 if the local stack is not running."""
    parser = argparse.ArgumentParser(prog="python -m ops.rescan", description=__doc__)
    parser.add_argument("failure", help="failure code of the images, for example image_invalid or attempts_exhausted")
    add_arguments(parser)
    parser.add_argument(
        "--limit", type=_positive, default=DEFAULT_LIMIT, help="maximum number of images (default: 100)"
    )
    parser.add_argument("--apply", action="store_true", help="reset the images instead of only listing them")
    arguments = parser.parse_args()
    try:
        stack = access(arguments)
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    rescan(
        arguments.failure,
        images=ImagesTable(stack.client("dynamodb"), stack.outputs["ImagesTable"]),
        requests=RequestsTable(stack.client("dynamodb"), stack.outputs["RequestsTable"]),
        console=Console(),
        now=time.time(),
        limit=arguments.limit,
        apply=arguments.apply,
    )
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
