"""Code blocks, links and headings of the documentation."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

_FENCE = re.compile(r"^( *)```(\w*)$")
_HEADING = re.compile(r"^#{1,6} +(.+?)$")
_COMMENT = re.compile(r"^ *<!-- (.+) -->$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE_CODE = re.compile(r"`([^`\n]+)`")


class CodeBlock(NamedTuple):
    """A fenced block: its language, its code, its first line (from 1), the comment before it and its heading."""

    language: str
    code: str
    line: int
    comment: str
    heading: str


class Page(NamedTuple):
    """A Markdown file: its path, its blocks, and its text without them."""

    path: Path
    blocks: tuple[CodeBlock, ...]
    text: str

    @property
    def name(self) -> str:
        """Return the path relative to the root of the repository."""
        return str(self.path.relative_to(ROOT))

    def anchors(self) -> set[str]:
        """Return the anchors that GitHub gives to the headings."""
        seen: Counter[str] = Counter()
        anchors = set()
        for heading in (match[1] for match in map(_HEADING.match, self.text.splitlines()) if match):
            slug = re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
            anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return anchors

    def links(self) -> list[str]:
        """Return the targets of all links and images."""
        return _LINK.findall(self.text)

    def inline_code(self) -> list[str]:
        """Return the text of all inline code."""
        return _INLINE_CODE.findall(self.text)


def all_pages() -> list[Page]:
    """Return every Markdown file of the repository."""
    patterns = ("*.md", "docs/**/*.md", "cli/*.md", "frontend/*.md", "local/*/*.md", "samples/*.md", ".github/**/*.md")
    return [read_page(path) for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def read_page(path: Path) -> Page:
    """Parse a Markdown file."""
    return Page(path, *parse(path.read_text()))


def parse(markdown: str) -> tuple[tuple[CodeBlock, ...], str]:
    """Return the fenced blocks of a text, without their indentation, and the text without them."""
    blocks, text, code = [], [], []
    fence = None
    heading = ""
    for number, line in enumerate(markdown.split("\n"), 1):
        match = _FENCE.match(line)
        if fence and line.strip() == "```":
            comment = _COMMENT.match(text[-1]) if text else None
            source = "".join(f"{each.removeprefix(fence[1])}\n" for each in code)
            blocks.append(CodeBlock(fence[2], source, number - len(code), comment[1] if comment else "", heading))
            text.append("")
            fence, code = None, []
        elif fence:
            code.append(line)
        elif match:
            fence = match
        else:
            text.append(line)
            found = _HEADING.match(line)
            heading = found[1] if found else heading
    return tuple(blocks), "\n".join(text)
