"""The commands of the local stack: `python -m local COMMAND`; make has a target for each."""

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
from botocore.exceptions import EndpointConnectionError
from rich.console import Console

from local import logs, paths, report, sam
from local.bridge import bridge, gateway
from local.client import Client
from local.say import Trouble
from local.stack import EMULATOR, REKOGNITION, USUAL_PORTS, Stack

LOGS_FROM_S = 60
DEMO_LABELS = ["cat", "person"]


def up(stack: Stack) -> None:
    """Starts and deploys what has to be, and prints the addresses and a line to try."""
    started = time.monotonic()
    stack.up()
    print(f"\nThe local stack is up after {time.monotonic() - started:.1f} s.\n")
    for name, address in report.addresses(stack).items():
        print(f"  {name:22} {address}")
    print(f"\nTry it:\n\n{_line_to_try(stack)}\n")


def down(stack: Stack) -> None:
    """Stops the servers."""
    stopped = stack.down()
    print(f"Stopped: {', '.join(stopped)}. The data is kept." if stopped else "Nothing was running.")


def status(stack: Stack) -> int:
    """Ends with 1 when the stack is not healthy."""
    return 0 if report.status(stack, Console()) else 1


def url(stack: Stack) -> None:
    """Prints the API's base address."""
    print(stack.api_url)


def follow_logs(stack: Stack) -> None:
    """Prints the handlers' logs until Ctrl-C."""
    try:
        for line in logs.follow(stack.client("logs"), int((time.time() - LOGS_FROM_S) * 1000)):
            print(line, flush=True)
    except KeyboardInterrupt:
        print()


def reset(stack: Stack) -> None:
    """Empties the data and deploys again."""
    stack.reset()
    print(f"The local stack is empty. {stack.api_url}")


def demo(stack: Stack) -> None:
    """Asks about the sample pictures."""
    report.demo(Client(stack.api_url), paths.SAMPLES, DEMO_LABELS, Console(width=100))


def live(stack: Stack) -> None:
    """Puts changed sources on the running stack."""
    stack.live()


def let_containers_in(stack: Stack) -> None:
    """Lets containers reach the stack at its usual ports until Ctrl-C."""
    address = gateway()
    if address is None:
        print("Containers reach this machine by themselves.")
        return
    servers = {EMULATOR: stack.aws_endpoint, REKOGNITION: stack.rekognition_url}
    wanted = [(USUAL_PORTS[name], httpx.URL(url).port or 0) for name, url in servers.items()]
    with bridge(address, wanted), suppress(KeyboardInterrupt):
        print(
            f"Containers reach the local stack with --add-host host.docker.internal:{address} until Ctrl-C.", flush=True
        )
        threading.Event().wait()


def build(_: Stack) -> None:
    """Builds and prints where."""
    print(sam.build())


def validate(_: Stack) -> None:
    """Checks the template."""
    sam.validate()


COMMANDS: dict[str, Callable[[Stack], int | None]] = {
    "up": up,
    "down": down,
    "status": status,
    "url": url,
    "logs": follow_logs,
    "reset": reset,
    "demo": demo,
    "live": live,
    "bridge": let_containers_in,
    "build": build,
    "validate": validate,
}


def main() -> int:
    """Runs the command named on the command line; 1 when it cannot do its work."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", default="main", help="a name of its own for each stack that runs at once")
    arguments = parser.parse_args()
    # The HTTP client would log each request on top of a command's output.
    logging.basicConfig(level=logging.WARNING)
    try:
        return COMMANDS[arguments.command](Stack(arguments.stack)) or 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
    except EndpointConnectionError:
        print("The local stack is not up: run make up.", file=sys.stderr)
    return 1


def _line_to_try(stack: Stack) -> str:
    cat = (paths.SAMPLES / "cat.jpg").relative_to(paths.ROOT)
    body = '{"file": "%s", "fileType": "image/jpeg", "label": "cat"}'
    return f"""  printf '{body}' "$(base64 < {cat} | tr -d '\\n')" |
    curl -si {stack.api_url}/scanrequest -H 'Content-Type: application/json' -d @-"""


if __name__ == "__main__":
    sys.exit(main())
