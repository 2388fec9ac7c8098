"""Benchmarks ``cold-start`` and ``bytecode``.

``cold-start`` measures the CPU instructions that import and initialise each deployed handler with its clients.
Baseline: `import boto3` and the same clients created by `boto3.client`, in the same state of bytecode.
Target: a ratio of at most 1.05, 1.15, 1.35 or 1.40, by handler (``TARGETS``).

``bytecode`` measures the same instructions with the bytecode that `make build` adds.
Baseline: the same artifact and SDK without bytecode.
Target: a ratio of at most 0.40.
"""

import compileall
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from modulefinder import ModuleFinder
from pathlib import Path
from py_compile import PycInvalidationMode

from benchmarks import instruction_count
from benchmarks.measurement import Measurement
from testing.resources import TEMPLATE
from tools import paths, sam

TARGETS = {
    "status": 1.05,
    "list_requests": 1.05,
    "delete": 1.05,
    "stats": 1.05,
    "scanner": 1.15,
    "sweeper": 1.15,
    "purger": 1.15,
    "event_publisher": 1.15,
    "submit": 1.35,
    "ask_follow_up": 1.40,
}
"""Maximum ratio by handler. Handlers of the same kind have the same target."""

BYTECODE_TARGET = 0.40
MAIN_HANDLERS = ("status", "submit", "scanner")
_UNIT = "instructions"

# A handler creates its dependencies when Lambda imports it, and may create another client in its first call.
_HANDLER = """import importlib, sys
importlib.import_module(sys.argv[1])
clients = importlib.import_module("imagescan.aws.clients")
for name in sys.argv[2:]: getattr(clients, name)()"""
_BASELINE = """import boto3, sys
for name in sys.argv[1:]: boto3.client(name)"""

SOURCES = paths.ROOT / "src"
_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_CLIENT = re.compile(r"clients\.(\w+)\(\)")
_ONLY_WITH_DAILY_LIMIT = "dynamodb_no_retry"
_1980 = 315_532_800  # seconds since the epoch; all files of a deployed zip have this date


@dataclass(frozen=True, slots=True)
class Folders:
    """The artifact and the SDK of the Lambda runtime, both with or both without bytecode."""

    artifact: Path
    sdk: Path

    def count_handler(self, handler: str) -> int:
        """Count the instructions that import and initialise a handler with all its clients."""
        variables = TEMPLATE.environment(_function(handler)) | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
        arguments = [f"imagescan.handlers.{handler}", *clients_of(handler)]
        return instruction_count.count(_HANDLER, arguments, [self.artifact, self.sdk], variables)

    def count_baseline(self, clients: Collection[str]) -> int:
        """Count the instructions that import boto3 and create these clients."""
        return instruction_count.count(_BASELINE, [*clients], [self.sdk], {})


def measure() -> Iterator[Measurement]:
    """Compare each handler with boto3 and its clients, and the main handlers with themselves without bytecode."""
    handlers = sorted(deployed())
    with _folders(compiled=True) as folders:
        own = dict(zip(handlers, _map_concurrently(folders.count_handler, handlers), strict=True))
        yield from _compare_with_boto3(own, folders)
    yield from _compare_without_bytecode({handler: own[handler] for handler in MAIN_HANDLERS})


def quick() -> Iterator[Measurement]:
    """Measure the main handlers, and compare the smallest of them with itself without bytecode."""
    with _folders(compiled=True) as folders:
        own = dict(zip(MAIN_HANDLERS, _map_concurrently(folders.count_handler, MAIN_HANDLERS), strict=True))
        yield from _compare_with_boto3(own, folders)
    yield from _compare_without_bytecode({MAIN_HANDLERS[0]: own[MAIN_HANDLERS[0]]})


def _compare_with_boto3(own: Mapping[str, int], folders: Folders) -> Iterator[Measurement]:
    client_sets = list(dict.fromkeys(map(clients_of, own)))
    baselines = dict(zip(client_sets, _map_concurrently(folders.count_baseline, client_sets), strict=True))
    for handler, count in own.items():
        yield Measurement("cold-start", handler, count, baselines[clients_of(handler)], TARGETS[handler], _UNIT)


def _compare_without_bytecode(own: Mapping[str, int]) -> Iterator[Measurement]:
    with _folders(compiled=False) as folders:
        baselines = _map_concurrently(folders.count_handler, own)
    for (handler, count), baseline in zip(own.items(), baselines, strict=True):
        yield Measurement("bytecode", handler, count, baseline, BYTECODE_TARGET, _UNIT)


def deployed() -> set[str]:
    """Return the handlers in template.yaml."""
    return {_handler(function) for function in TEMPLATE.functions}


def clients_of(handler: str) -> tuple[str, ...]:
    """Return the sorted names of the clients that the handler or a module that it imports creates."""
    found = ModuleFinder([str(SOURCES)])
    found.run_script(str(SOURCES / "imagescan" / "handlers" / f"{handler}.py"))
    files = [each.__file__ for each in found.modules.values()]  # type: ignore[attr-defined]  # missing in the stubs
    named = chain.from_iterable(_CLIENT.findall(Path(file).read_text()) for file in files if file)
    return tuple(sorted(set(named) - {_ONLY_WITH_DAILY_LIMIT}))


def _function(handler: str) -> str:
    return next(each for each in TEMPLATE.functions if _handler(each) == handler)


def _handler(function: str) -> str:
    return TEMPLATE.handler(function).split(".")[-2]


def _map_concurrently[T](count: Callable[[T], int], items: Iterable[T]) -> list[int]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(count, items))


@contextmanager
def _folders(*, compiled: bool) -> Iterator[Folders]:
    with tempfile.TemporaryDirectory() as name:
        folders = Folders(Path(name) / "artifact", Path(name) / "sdk")
        [built] = [path for path in sam.build().iterdir() if path.is_dir()]
        shutil.copytree(built, folders.artifact, ignore=None if compiled else _bytecode)
        _copy_sdk(folders.sdk)
        for path in Path(name).rglob("*"):
            os.utime(path, (_1980, _1980))
        if compiled:
            compileall.compile_dir(folders.sdk, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        yield folders


def _copy_sdk(folder: Path) -> None:
    folder.mkdir()
    for name in _SDK:
        found = importlib.util.find_spec(name)
        path = Path(str(found and found.origin))
        if path.name == "__init__.py":
            shutil.copytree(path.parent, folder / name, ignore=_bytecode)
        else:
            shutil.copy(path, folder)


_bytecode = shutil.ignore_patterns("__pycache__")
