"""A server that runs on in the background after the command that started it has ended."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from local.say import Trouble, note

# Some kernels give a process's start to the second only.
SAME_START_S = 1.5


@dataclass(frozen=True)
class Server:
    """`home` holds its log and, while it runs, a file that names its process; `health` answers 200 when it is ready."""

    name: str
    home: Path
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    health: str

    @property
    def log(self) -> Path:
        """What it has printed since it was first started."""
        return self.home / f"{self.name}.log"

    @property
    def _identity(self) -> Path:
        return self.home / f"{self.name}.process.json"

    def process(self) -> psutil.Process | None:
        """Its running process; None when it does not run, also when another process has got its number since."""
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            identity = json.loads(self._identity.read_text())
            process = psutil.Process(identity["pid"])
            is_same = abs(process.create_time() - identity["started"]) < SAME_START_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        return None

    def start(self) -> None:
        """Starts it in a session of its own, so that Ctrl-C in a terminal does not reach it."""
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started = psutil.Process(child.pid).create_time()
        self._identity.write_text(json.dumps({"pid": child.pid, "started": started}))

    def wait_until_healthy(self, seconds: float = 60) -> None:
        """Returns once it answers; a server that ended, or does not answer in time, is a `Trouble`."""
        end = time.monotonic() + seconds
        while not self.is_healthy():
            if not self.process():
                raise Trouble(f"the {self.name} ended while it was starting; its log says why: {self.log}")
            if time.monotonic() > end:
                raise Trouble(f"the {self.name} does not answer after {seconds:.0f} s; see its log: {self.log}")
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        """Whether it answers now."""
        try:
            return httpx.get(self.health, timeout=5).is_success
        except httpx.TransportError:
            return False

    def stop(self, seconds: float = 30) -> bool:
        """Asks it to end, waits, and ends what is left; False when it was not running."""
        process = self.process()
        if process:
            family = [process, *process.children(recursive=True)]
            process.terminate()
            _, left = psutil.wait_procs([process], seconds)
            if left:
                note(f"the {self.name} did not end within {seconds:.0f} s, so it was killed: unsaved data is lost")
            _end(family)
        self._identity.unlink(missing_ok=True)
        return process is not None


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)
