import os
import subprocess
import sys
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Failure, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.text import TextLine
from local.report import age, scans_table
from tools import paths

NOW = 1_000_000.0
LABELS = tuple(Label(name, 97.0) for name in ("Cat", "Domestic Short-haired Cat", "Carnivorous Mammal", "Pet"))
CAT = Scan(Status.COMPLETED, NOW - 185, LABELS)
BROKEN = Scan(
    Status.FAILED, NOW - 1, failure=Failure("image_invalid", "Rekognition cannot read the image. Convert it.")
)


def printed(*scans: tuple[str, Scan], width: int = 60) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(scans_table(scans, NOW))
    output: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    return output.splitlines()


def test_each_scan_takes_one_line_of_at_most_60_columns() -> None:
    lines = printed(("a photo with quite a long name.jpg", CAT), ("broken.png", BROKEN))
    assert len(lines) == 3
    assert max(map(len, lines)) <= 60
    assert "a photo with quite a lo…  3 min ago" in lines[1]


def test_a_scan_shows_the_name_the_age_and_the_labels_of_its_image() -> None:
    line = printed(("cat.jpg", CAT), width=100)[1]
    assert line.split("  ")[0].strip().startswith("cat.jpg")
    assert "3 min ago" in line
    assert "Cat, Domestic Short-haired Cat, Carnivorous Mammal" in line


def test_a_scan_for_a_feature_other_than_labels_names_the_feature() -> None:
    text = Scan(Status.COMPLETED, NOW - 1, (TextLine("SALE", 99.0, ()),), feature=Feature.TEXT)
    rejected = replace(BROKEN, feature=Feature.MODERATION)
    lines = printed(("shop.jpg", text), ("broken.png", rejected), width=100)
    assert "text: SALE" in lines[1]
    assert "moderation: Rekognition cannot read the image." in lines[2]


def test_a_scan_that_found_nothing_says_so() -> None:
    assert "moderation: none" in printed(("cat.jpg", Scan(Status.COMPLETED, NOW, feature=Feature.MODERATION)))[1]
    assert printed(("fog.jpg", Scan(Status.COMPLETED, NOW)))[1].split()[-1] == "none"


def test_a_name_is_not_interpreted_as_markup() -> None:
    assert "[red]cat.jpg" in printed(("[red]cat.jpg", CAT))[1]


@pytest.mark.parametrize("output", ["print('line\\n' * 100_000)", "commands.PipeConsole().print('line\\n' * 100_000)"])
def test_a_command_ends_quietly_if_its_reader_has_closed_the_pipe(output: str) -> None:
    program = f"""
import sys
from local import __main__ as commands
commands.COMMANDS["status"] = lambda _: {output}
sys.argv[1:] = ["status"]
sys.exit(commands.main())
"""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        completed = subprocess.run(  # noqa: S603 - our command
            [sys.executable, "-c", program],
            cwd=paths.ROOT,
            env={**os.environ, "PYTHONPATH": "src"},
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (completed.returncode, completed.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 d ago"),
    ],
)
def test_an_age_is_given_in_its_largest_unit(seconds: float, text: str) -> None:
    assert age(seconds) == text
