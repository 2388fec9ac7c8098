"""Output of the commands: results on standard output, everything else on standard error."""

import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from imagescan_cli.formatting import FAILED_PREFIX, count, format_duration, format_result, result_line, sanitize
from imagescan_cli.questions import printable_path
from imagescan_cli.schemas import RequestJson

REPORT_INTERVAL_SECONDS = 30.0
_MAX_BAR_WIDTH, _MIN_BAR_WIDTH = 40, 4
_WIDTH_OF_OTHER_COLUMNS = 34
_FAILURE_STYLE = "bold red"
_HANGING_INDENT = "  "
# Styles of the words that begin the messages of the service.
_VERDICT_STYLES = {"Yes": "green", "No": "yellow"}


class Output:
    """Print one result per line: a sentence for people, or a JSON object for programs.

    ``quiet`` suppresses notes and progress bars. Errors are always printed.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json, self._quiet = as_json, quiet
        self._stdout, self._stderr = (Console(highlight=False, stderr=is_stderr) for is_stderr in (False, True))
        self._live: Console | None = None  # the console that shows progress bars

    @property
    def width(self) -> int | None:
        """Number of columns of the terminal, or None if standard output is not a terminal."""
        return self._stdout.width if sys.stdout.isatty() else None

    def show(self, result: RequestJson, path: Path | None = None, conversion: str | None = None) -> None:
        """Print a result on standard output, with the path of its image and the conversion if there is one."""
        if self.as_json:
            self.show_json({**_path_fields(path), **({"conversion": conversion} if conversion else {}), **result})
        else:
            line = _styled(result, path, conversion)
            self.print(_wrapped(line, self._stdout) if sys.stdout.isatty() else line)

    def show_json(self, body: Mapping[str, Any]) -> None:
        """Print an object on standard output as one line of JSON."""
        self.print(json.dumps(body))

    def print(self, text: str | Text) -> None:
        """Print a line on standard output, above the progress bars if there are any."""
        if sys.stdout.isatty():
            # In a plain string, Rich would replace emoji codes such as ":cat:".
            self._stdout.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)
        else:
            typer.echo(str(text))

    def note(self, text: str) -> None:
        """Print a note on standard error, unless ``quiet`` is set."""
        if not self._quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """Print an error on standard error."""
        console = self._live or self._stderr
        if console.is_terminal:
            console.print(_wrapped(_styled_note(sanitize(text)), console), soft_wrap=True)
        else:
            typer.echo(sanitize(text), err=True)

    def list_failures(self, failures: Iterable[tuple[RequestJson, Path | None]]) -> None:
        """Repeat the failed results as notes, so that they are not lost between the others."""
        for result, path in failures:
            self.note(format_result(result, path))

    @contextmanager
    def progress(self, total: int, *, steps: tuple[str, ...], noun: str) -> Iterator["ProgressReport"]:
        """Draw a progress bar per step if standard error is a terminal.

        If standard output is a terminal as well, the bars are drawn there. The same stream then carries bars and
        results, which is the only way to keep them apart.
        """
        has_bars = self._stderr.is_terminal and not self._quiet
        console = self._stdout if sys.stdout.isatty() else self._stderr
        width = max(_MIN_BAR_WIDTH, min(_MAX_BAR_WIDTH, console.width - _WIDTH_OF_OTHER_COLUMNS))
        columns = (TextColumn("{task.description:>9}"), BarColumn(width), MofNCompleteColumn(), TimeElapsedColumn())
        bars = Progress(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not has_bars,
        )
        with bars:
            self._live = console if has_bars else None
            try:
                yield ProgressReport(
                    self, bars, {step: bars.add_task(step, total=total) for step in steps}, total, noun
                )
            finally:
                self._live = None

    @property
    def has_bars(self) -> bool:
        """Whether progress bars are visible."""
        return self._live is not None


class ProgressReport:
    """Progress of several steps, as bars or as notes."""

    def __init__(self, output: Output, bars: Progress, tasks: Mapping[str, TaskID], total: int, noun: str) -> None:
        self._output, self._bars, self._tasks = output, bars, tasks
        self._total, self._noun, self._started = total, noun, time.monotonic()
        self._done = dict.fromkeys(tasks, 0)

    def advance(self, step: str) -> None:
        """Count one more item as done."""
        self._done[step] += 1
        self._bars.advance(self._tasks[step])

    def report(self) -> None:
        """Note the progress of all steps, unless bars show it."""
        if not self._output.has_bars:
            done = ", ".join(f"{number:,} {step}" for step, number in self._done.items())
            duration = format_duration(time.monotonic() - self._started)
            self._output.note(f"{count(self._total, self._noun)}: {done} after {duration}.")


class Ticker:
    """Print a note at most every 30 seconds, for work that has no known end."""

    def __init__(self, output: Output) -> None:
        self._output, self._count, self._last = output, 0, time.monotonic()

    def tick(self, text: str) -> None:
        """Count one more item. ``text`` is the note, with {} for the count."""
        self._count += 1
        if time.monotonic() - self._last >= REPORT_INTERVAL_SECONDS:
            self._last = time.monotonic()
            self._output.note(text.format(f"{self._count:,}"))


def _path_fields(path: Path | None) -> dict[str, str]:
    """Return the path as valid Unicode, and its bytes in base64 if they are not UTF-8."""
    if path is None:
        return {}
    text = printable_path(path)
    is_exact = os.fsencode(path) == text.encode()
    return {"path": text} | ({} if is_exact else {"path_base64": b64encode(os.fsencode(path)).decode()})


def _styled(result: RequestJson, path: Path | None, conversion: str | None) -> Text:
    line = result_line(result, path, conversion)
    text = _styled_note("".join(line))
    for word, style in _VERDICT_STYLES.items():
        if line.message.startswith(word) and not line.before.startswith(FAILED_PREFIX):
            text.stylize(style, len(line.before), len(line.before) + len(word))
    return text


def _wrapped(text: Text, console: Console) -> Text:
    """Break a line between words and indent what follows, so that the results on a terminal stay apart."""
    [first, *others] = text.wrap(console, max(1, console.width - len(_HANGING_INDENT))) or [Text()]
    return Text("\n").join([first, *(Text(_HANGING_INDENT) + each for each in others)])


def _styled_note(line: str) -> Text:
    text = Text(line)
    if line.startswith(FAILED_PREFIX):
        text.stylize(_FAILURE_STYLE, 0, len(FAILED_PREFIX.rstrip()))
    return text
