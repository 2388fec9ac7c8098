"""Rows 1 and 2: instructions to import and initialise each handler as deployed."""

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

from benchmarks import instructions
from benchmarks.figure import Figure
from testing.resources import TEMPLATE
from tools import paths, sam

TARGETS = {
    "status": 1.05,
    "list_requests": 1.05,
    "delete": 1.05,
    "stats": 1.05,
    "scanner": 1.15,
    "sweeper": 1.15,
    "event_publisher": 1.15,
    "submit": 1.35,
    "ask_follow_up": 1.35,
}
"""By handler; those without a target of their own have that of the one that they are most like."""

COMPILED = 0.40
BARE = ("status", "submit", "scanner")
_UNIT = "instructions"

# A handler makes what it needs when Lambda imports it, and perhaps a client more when it is first called.
_HANDLER = """import importlib, sys
importlib.import_module(sys.argv[1])
clients = importlib.import_module("imagescan.aws.clients")
for name in sys.argv[2:]: getattr(clients, name)()"""
_FLOOR = """import boto3, sys
for name in sys.argv[1:]: boto3.client(name)"""

SOURCES = paths.ROOT / "src"
_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_CLIENT = re.compile(r"clients\.(\w+)\(\)")
_ONLY_WITH_A_LIMIT = "dynamodb_no_retry"
_1980 = 315_532_800  # seconds: all files of a deployed zip are that old


@dataclass(frozen=True, slots=True)
class Folders:
    """The artefact, and the SDK that Lambda's runtime brings, in one state of bytecode."""

    artefact: Path
    sdk: Path

    def of_handler(self, handler: str) -> int:
        """Instructions to import and initialise it, with every client that it uses."""
        variables = TEMPLATE.environment(_function(handler)) | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
        arguments = [f"imagescan.handlers.{handler}", *clients_of(handler)]
        return instructions.count(_HANDLER, arguments, [self.artefact, self.sdk], variables)

    def of_floor(self, clients: Collection[str]) -> int:
        """Instructions to import boto3 and make these clients."""
        return instructions.count(_FLOOR, [*clients], [self.sdk], {})


def measure() -> Iterator[Figure]:
    """Every handler against boto3 with its clients, and three of them against themselves without bytecode."""
    handlers = sorted(deployed())
    with _folders(compiled=True) as folders:
        own = dict(zip(handlers, _each(folders.of_handler, handlers), strict=True))
        yield from _against_boto3(own, folders)
    yield from _against_no_bytecode({handler: own[handler] for handler in BARE})


def quick() -> Iterator[Figure]:
    """The handlers that have targets of their own, and the smallest of them without bytecode."""
    with _folders(compiled=True) as folders:
        own = dict(zip(BARE, _each(folders.of_handler, BARE), strict=True))
        yield from _against_boto3(own, folders)
    yield from _against_no_bytecode({BARE[0]: own[BARE[0]]})


def _against_boto3(own: Mapping[str, int], folders: Folders) -> Iterator[Figure]:
    wanted = list(dict.fromkeys(map(clients_of, own)))
    floors = dict(zip(wanted, _each(folders.of_floor, wanted), strict=True))
    for handler, count in own.items():
        yield Figure(1, f"{handler}: cold start", count, floors[clients_of(handler)], TARGETS[handler], _UNIT)


def _against_no_bytecode(own: Mapping[str, int]) -> Iterator[Figure]:
    with _folders(compiled=False) as bare:
        floors = _each(bare.of_handler, own)
    for (handler, count), floor in zip(own.items(), floors, strict=True):
        yield Figure(2, f"{handler}: cold start by bytecode", count, floor, COMPILED, _UNIT)


def deployed() -> set[str]:
    """The handlers that template.yaml names."""
    return {_handler(function) for function in TEMPLATE.functions}


def clients_of(handler: str) -> tuple[str, ...]:
    """The clients that it names, or a module that it imports, in one order for all."""
    found = ModuleFinder([str(SOURCES)])
    found.run_script(str(SOURCES / "imagescan" / "handlers" / f"{handler}.py"))
    files = [each.__file__ for each in found.modules.values()]  # type: ignore[attr-defined]  # the stubs leave it out
    named = chain.from_iterable(_CLIENT.findall(Path(file).read_text()) for file in files if file)
    return tuple(sorted(set(named) - {_ONLY_WITH_A_LIMIT}))


def _function(handler: str) -> str:
    return next(each for each in TEMPLATE.functions if _handler(each) == handler)


def _handler(function: str) -> str:
    return TEMPLATE.handler(function).split(".")[-2]


def _each[T](counted: Callable[[T], int], what: Iterable[T]) -> list[int]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(counted, what))


@contextmanager
def _folders(*, compiled: bool) -> Iterator[Folders]:
    with tempfile.TemporaryDirectory() as name:
        folders = Folders(Path(name) / "artefact", Path(name) / "sdk")
        [built] = [path for path in sam.build().iterdir() if path.is_dir()]
        shutil.copytree(built, folders.artefact, ignore=None if compiled else _bytecode)
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
