"""Names, links and paths in the documentation exist."""

import re
from fnmatch import fnmatch
from functools import cache

import pytest

from scripts import check_prose
from testing.markdown import ROOT, Page, all_pages, parse, read_page

PAGES = all_pages()

# Inline code that looks like a path of the repository, and why it is not one.
NOT_IN_THE_REPOSITORY = {
    "image/png": "a media type",
    "image/jpeg": "a media type",
    "OWNER/NAME": "a placeholder for a GitHub repository",
    "images/": "a prefix of object keys",
    "uploads/": "a prefix of object keys",
    "domain/faces.py": "a module of a feature that is an example",
    "aws/detect_faces.py": "a module of a feature that is an example",
    ".local/*": "created by `make up`",
    "artefacts/*": "created by make targets",
    "skimage/data/_fetchers.py": "a file of scikit-image",
    "sample_data/grace_hopper.jpg": "a file of matplotlib",
}
_PATH = re.compile(r"\.?[\w-][\w.-]*(?:/[\w.-]+)+/?|[\w.-]+/")


def names(page: Page) -> str:
    return page.name


@cache
def make_targets() -> set[str]:
    rules = re.findall(r"^([a-z0-9 -]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {target for rule in rules for target in rule.split()}


def used_targets(command: str) -> list[str]:
    """Return the targets of all calls of make in a command line or a script."""
    targets = []
    for arguments in re.findall(r"(?:^|[\s(;&|\"])make((?: +(?:-[\w-]+|[a-z][a-z0-9-]*|[A-Z_]+=[^\s)]*))+)", command):
        targets += [each for each in arguments.split() if re.fullmatch(r"[a-z][a-z0-9-]*", each)]
    return targets


@cache
def repository_paths() -> frozenset[str]:
    """Return all tracked files and their folders."""
    files = check_prose.tracked_files()
    folders = {str(folder) for file in map(ROOT.joinpath, files) for folder in file.relative_to(ROOT).parents}
    return frozenset(files) | folders


def is_in_the_repository(path: str, page: Page) -> bool:
    """Return whether a path exists from the root, from the page's folder or from the package."""
    bases = ("", f"{page.path.parent.relative_to(ROOT)}/", "src/imagescan/")
    return any(f"{base}{path}".removeprefix("./").rstrip("/") in repository_paths() for base in bases)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_make_target_exists(page: Page) -> None:
    scripts = [block.code for block in page.blocks if block.language == "bash"]
    used = {target for command in [*page.inline_code(), *scripts] for target in used_targets(command)}
    assert used - make_targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_relative_link_and_anchor_resolves(page: Page) -> None:
    for link in page.links():
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), link
        if anchor:
            assert anchor in read_page(target).anchors(), link


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_path_in_inline_code_exists(page: Page) -> None:
    paths = {code for code in page.inline_code() if _PATH.fullmatch(code)}
    exempt = {path for path in paths if any(fnmatch(path, pattern) for pattern in NOT_IN_THE_REPOSITORY)}
    assert {path for path in paths - exempt if not is_in_the_repository(path, page)} == set()


def test_every_exempt_path_is_used() -> None:
    codes = {code for page in PAGES for code in page.inline_code()}
    assert [each for each in NOT_IN_THE_REPOSITORY if not any(fnmatch(code, each) for code in codes)] == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("make up", ["up"]),
        ("make -s url", ["url"]),
        ("API=$(make -s url)", ["url"]),
        ("make deploy ENV=staging    # make it", ["deploy"]),
        ("make check test", ["check", "test"]),
        ("make up && make demo", ["up", "demo"]),
        ("remake up", []),
    ],
)
def test_targets_are_read_from_commands(command: str, expected: list[str]) -> None:
    assert [each for each in used_targets(command) if each != "it"] == expected


def test_blocks_are_parsed_with_comment_and_heading_and_without_indentation() -> None:
    text = "# A\n\n## B c\n\n1. d\n\n   <!-- note -->\n   ```bash\n   e\n     f\n   ```\n\n```json\n{}\n```\n"
    blocks, rest = parse(text)
    assert [tuple(block) for block in blocks] == [
        ("bash", "e\n  f\n", 9, "note", "B c"),
        ("json", "{}\n", 14, "", "B c"),
    ]
    assert "e\n" not in rest


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_comments_before_blocks_are_known_to_the_tests(page: Page) -> None:
    known = r"not run by the tests: \S.*|run by the tests if installed: \S+|saved by the tests as \S+|"
    assert [block.comment for block in page.blocks if not re.fullmatch(known, block.comment)] == []
