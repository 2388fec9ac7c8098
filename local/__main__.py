"""Run a command on the local stack: `python -m local COMMAND`. The Makefile has a target for each command."""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
from botocore.exceptions import EndpointConnectionError
from rich.console import Console

from local import logs, report
from local.bridge import bridge, gateway
from local.client import Client
from local.stack import DEFAULT_PORTS, EMULATOR, NOT_RUNNING, REKOGNITION, SCANNER_NOT_INVOKED, TITLES, Stack
from local.usage import usage
from tools import paths, sam
from tools.console import CommandError, step

LOG_HISTORY_S = 60
# Environment variable with the origins of other pages that can upload images, separated by commas. Make exports it.
PAGE_ORIGINS = "PAGE_ORIGINS"


class PipeConsole(Console):
    """A console that reports a closed pipe as an exception. Rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def up(stack: Stack) -> None:
    """Start the stack, deploy, check the scanner, and print how to use the stack.

    Read the origins of other pages from the environment.
    """
    started = time.monotonic()
    stack.up([origin.strip().rstrip("/") for origin in os.environ.get(PAGE_ORIGINS, "").split(",") if origin.strip()])
    with step("check that the scan queue invokes the scanner"):
        if not stack.is_scanner_invoked():
            raise CommandError(f"The scanner is {SCANNER_NOT_INVOKED}.")
    print(f"\nThe local stack is running (started in {time.monotonic() - started:.1f} s).\n")
    print(usage(report.urls(stack), stack.api_url))


def down(stack: Stack) -> None:
    """Stop the servers."""
    stopped = [TITLES[name] for name in stack.down()]
    print(f"Stopped: {', '.join(stopped)}. The data is kept." if stopped else "Nothing was running.")


def status(stack: Stack) -> int:
    """Print the state of the stack. Return 1 if it is not healthy."""
    return 0 if report.status(stack, PipeConsole()) else 1


def url(stack: Stack) -> None:
    """Print the base URL of the API."""
    print(stack.api_url)


def follow_logs(stack: Stack) -> None:
    """Print the logs of the functions until Ctrl-C."""
    print("Following the logs of the functions, from a minute ago. Press Ctrl-C to stop.", file=sys.stderr, flush=True)
    try:
        for line in logs.follow(stack.client("logs"), int((time.time() - LOG_HISTORY_S) * 1000)):
            print(line, flush=True)
    except KeyboardInterrupt:
        print()


def reset(stack: Stack) -> None:
    """Delete the data and deploy again."""
    stack.reset()
    print(f"The local stack has no data. API: {stack.api_url}")


def demo(stack: Stack) -> None:
    """Scan the sample images and print the results."""
    report.demo(Client(stack.api_url), paths.SAMPLES, PipeConsole(width=120))


def sync(stack: Stack) -> None:
    """Deploy changed sources to the running stack."""
    stack.sync()


def forward_containers(stack: Stack) -> None:
    """Forward the default ports from containers to the stack until Ctrl-C."""
    address = gateway()
    if address is None:
        print("This platform needs no bridge. Containers reach the stack at host.docker.internal.")
        return
    servers = {EMULATOR: stack.aws_endpoint, REKOGNITION: stack.rekognition_url}
    forwards = [(DEFAULT_PORTS[name], httpx.URL(url).port or 0) for name, url in servers.items()]
    with bridge(address, forwards), suppress(KeyboardInterrupt):
        print(
            "Containers can reach the local stack until you press Ctrl-C. "
            f"Run them with --add-host host.docker.internal:{address}",
            flush=True,
        )
        threading.Event().wait()


def build(_: Stack) -> None:
    """Build the functions and print the output folder."""
    print(sam.build())


def validate(_: Stack) -> None:
    """Validate the template."""
    sam.validate()


COMMANDS: dict[str, Callable[[Stack], int | None]] = {
    "up": up,
    "down": down,
    "status": status,
    "url": url,
    "logs": follow_logs,
    "reset": reset,
    "demo": demo,
    "sync": sync,
    "container-bridge": forward_containers,
    "build": build,
    "validate": validate,
}


def main() -> int:
    """Run the command on the command line. Return 1 if it fails. A closed pipe is not a failure."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", default="main", help="stack name; stacks with different names can run in parallel")
    arguments = parser.parse_args()
    # At INFO, the HTTP client would log each request between the lines of the command's output.
    logging.basicConfig(level=logging.WARNING)
    try:
        exit_code = COMMANDS[arguments.command](Stack(arguments.stack)) or 0
        sys.stdout.flush()
        return exit_code
    except BrokenPipeError:
        # The reader, such as head, needs no more lines. Python would flush the rest at exit, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CommandError as error:
        print(error, file=sys.stderr)
    except EndpointConnectionError:
        print(NOT_RUNNING, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
