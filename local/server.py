"""Run a server in the background. It keeps running after the command that started it has ended."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tools.console import CommandError, warn

# Some kernels round the start time of a process to seconds.
START_TOLERANCE_S = 1.5


@dataclass(frozen=True)
class Server:
    """A background server.

    `home` holds its log and, while it runs, a file that identifies its process. `health` is a URL that returns 200 when
    the server is ready.
    """

    name: str
    home: Path
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    health: str

    @property
    def log(self) -> Path:
        """Return the log file. It holds the output of every run of this server."""
        return self.home / f"{self.name}.log"

    @property
    def _identity(self) -> Path:
        return self.home / f"{self.name}.process.json"

    def process(self) -> psutil.Process | None:
        """Return the running process, or None if it does not run or if another process has reused its ID."""
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            identity = json.loads(self._identity.read_text())
            process = psutil.Process(identity["pid"])
            is_same = abs(process.create_time() - identity["started"]) < START_TOLERANCE_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        return None

    def is_outdated(self) -> bool:
        """Return whether the server runs with another command than this one."""
        process = self.process()
        # The launchers of some Python installations replace the first argument.
        return process is not None and process.cmdline()[1:] != [str(argument) for argument in self.command[1:]]

    def start(self) -> None:
        """Start the server in its own session, so that Ctrl-C in the terminal does not stop it."""
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
        """Wait until the server is healthy. Raise CommandError if it exits or is not healthy after `seconds`."""
        end = time.monotonic() + seconds
        while not self.is_healthy():
            if not self.process():
                raise CommandError(f"The {self.name} exited while starting. See its log: {self.log}")
            if time.monotonic() > end:
                raise CommandError(f"The {self.name} did not respond within {seconds:.0f} s. See its log: {self.log}")
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        """Return whether the health URL responds with a success."""
        try:
            return httpx.get(self.health, timeout=5).is_success
        except httpx.TransportError:
            return False

    def stop(self, seconds: float = 30) -> bool:
        """Terminate the server and kill what is left of it after `seconds`. Return False if it was not running."""
        process = self.process()
        if process:
            family = [process, *process.children(recursive=True)]
            process.terminate()
            _, alive = psutil.wait_procs([process], seconds)
            if alive:
                warn(f"the {self.name} did not exit within {seconds:.0f} s and was killed; unsaved data is lost")
            _kill(family)
        self._identity.unlink(missing_ok=True)
        return process is not None


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 5)
