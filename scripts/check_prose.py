#!/usr/bin/env python3
"""Check that text for people uses the project's vocabulary and that Markdown is well formed.

Run it as `python scripts/check_prose.py`, or with paths to check only those files. It prints one line per finding,
`file:line: word -> use X`, and exits with 1 if there is any.

It reads the files that git tracks. In Markdown it checks everything except code. In Python, TypeScript and JavaScript
it checks comments, docstrings, names of tests and strings that contain a space. It checks all lines of YAML, TOML,
HTML, CSS, shell scripts and the Makefile.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
MAX_LINE_LENGTH = 119
MAX_SEMICOLONS = 1

# Each key is a regular expression for whole words; a space matches any white space. Each value completes "use ...".
BANNED = {
    "tell|tells|telling|told": "return, show, report or state",
    "whoever|whomever": "the person, caller or operator",
    "nobody": "no user, no caller or the passive voice",
    "somebody|someone": "an operator, a caller or the passive voice",
    "one's own": "your own or their own",
    "anew": "again or new",
    "alike": "both, the same or equally",
    "nought": "zero or nothing",
    "mend|mends|mended": "fix or repair",
    "beside": "next to, together with or besides",
    "as delivered": "by default",
    "unless said otherwise": "by default or unless stated otherwise",
    "(?:is|are|was|were) to be": "must be, or the active voice",
    "to be had": "available",
    "puts? off|putting off": "defer or delay",
    "breaks? off|broke off|broken off": "interrupt or stop",
    "works? off|worked off": "process",
    "gives? up|gave up|given up": "fail, stop or send to the dead-letter queue",
    "(?:takes?|took|taken) up(?! to)": "resume or process",
    "in vain": "without effect or unsuccessfully",
    "(?:what|all) it comes to": "the result",
    "looks? at|looked at|looking at": "check, read, scan or detect",
}

# Terms that the project used before it adopted the standard ones, which docs/glossary.md and the AWS docs define.
RETIRED = {
    "stand-ins?": "emulator or fake",
    "standings?": "state",
    "swept up": "sweep, settle or purge",
    "poison": "malformed message",
    "gives? back|gave back|given back|giving back": "refund, retry later or redeliver",
    "forgets?|forgot|forgotten|forgetting": "delete, purge, remove or expire",
    "announces?|announced|announcing|announcements?": "submit, enqueue or publish",
    "pictures?": "image",
    "fingerprints?": "payload hash or content hash",
    "mishaps?": "injected fault",
    "queued again|queues? again": "requeue",
    "comes? again|came again": "retry or deliver again",
    "backstage": "stack admin",
    "turnstile": "lock",
    "sealed": "encoded",
}

# Names that were replaced. Unlike words, they are also searched for in code. A migration guide would need an exemption.
RENAMED = {
    "MaxCallsPerDay": "DailyRekognitionLimit",
    "ScansADay": "DailyScansAlarmThreshold",
    "ProvisionedPollers": "ProvisionedPollerCount",
    "SweepMinutes": "SweepIntervalMinutes",
    "DeadlineMinutes": "RequestTimeoutMinutes",
    "LocalPage": "DevCallbackUrl",
    "PageDomain": "WebDomainName",
    "PageCertificateArn": "WebCertificateArn",
    "PageOrigins": "UploadCorsOrigins",
    "LocalEmulator": "IsLocalEmulator",
    "EndedFunction": "EventPublisherFunction",
    "UnannouncedQueue": "EventStreamDeadLetterQueue",
    "MAX_CALLS_PER_DAY": "DAILY_REKOGNITION_LIMIT",
    "DEADLINE_MINUTES": "REQUEST_TIMEOUT_MINUTES",
    "IMAGESCAN_API": "IMAGESCAN_API_URL",
    "not_answered_yet": "request_pending",
    "answer_too_large": "response_too_large",
    "not_the_api": "unexpected_response",
    "scan_shared": "scan_reused",
    "calls_saved": "scans_avoided",
    "put_off_at": "deferred_at",
    "queued_again_at": "requeued_at",
    "waits_until": "deferred_until",
    "AnsweredAtOnce": "CacheHits",
    "ImagesRemoved": "ImagesPurged",
}


class Exempt(NamedTuple):
    """A finding that is right as it is: the file (a glob), a regular expression for its line, and the reason."""

    path: str
    line: str
    reason: str


EXEMPT = (
    Exempt("scripts/check_prose.py", ".", "lists the words"),
    Exempt("tests/unit/test_check_prose.py", ".", "contains examples of every finding"),
    Exempt("frontend/*", "Is it in the picture\\?", "is the title of the web page, which may be playful"),
    Exempt("frontend/*", "[Aa]nnounced? .*(?:screen readers|result)", "is the term for text that screen readers speak"),
)


class Finding(NamedTuple):
    """What is wrong, where (lines count from 1), and what to do."""

    path: str
    line: int
    problem: str
    advice: str

    def __str__(self) -> str:
        """Return the finding as one line for the terminal."""
        return f"{self.path}:{self.line}: {self.problem} -> {self.advice}"


# ---------------------------------------------------------------- prose of a file

# Each function returns its argument with everything but prose replaced by spaces, so that lines keep their numbers.

_SLASH_COMMENT_OR_STRING = re.compile(
    r"""(?://[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|>(?P<jsx>[^<>{}=;()]+)<""",
    re.DOTALL,
)
_FENCE = re.compile(r"^[ \t>]*(```+|~~~+)[ \t]*([^\n`]*)$")
_INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK_TARGET = re.compile(r"(?<=\])\([^)\s]*\)|<https?://[^>]*>|https?://[^\s)>\"]+")


def markdown_prose(text: str) -> str:
    """Keep the text outside of fenced blocks, inline code and link targets."""
    lines = []
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        is_closing = fence and match and match[1].startswith(fence) and not match[2].strip()
        lines.append(_blank(line) if fence or match else line)
        if is_closing:
            fence = ""
        elif match and not fence:
            fence = match[1]
    return _blank_matches(_LINK_TARGET, _blank_matches(_INLINE_CODE, "\n".join(lines)))


def python_prose(text: str) -> str:
    """Keep comments, strings that contain a space, and the names of tests as words."""
    lines = text.split("\n")
    prose = [_blank(line) for line in lines]
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_test_name = previous == "def" and token.string.startswith("test_")
        if is_test_name or _is_python_prose(token):
            _copy(lines, prose, token)
        previous = token.string
    joined = "\n".join(prose)
    joined = re.sub(r"\btest_\w+", lambda name: name[0].replace("_", " "), joined)
    return _blank_matches(re.compile(r"`[^`\n]*`"), joined.replace("#", " "))


def _is_python_prose(token: tokenize.TokenInfo) -> bool:
    if token.type == tokenize.COMMENT:
        return True
    return token.type in (tokenize.STRING, tokenize.FSTRING_MIDDLE) and " " in token.string


def _copy(lines: list[str], prose: list[str], token: tokenize.TokenInfo) -> None:
    (first, start), (last, end) = token.start, token.end
    for number in range(first, last + 1):
        line = lines[number - 1]
        begin = start if number == first else 0
        stop = end if number == last else len(line)
        prose[number - 1] = prose[number - 1][:begin] + line[begin:stop] + prose[number - 1][stop:]


def script_prose(text: str) -> str:
    """Keep comments, strings that contain a space, and the text between JSX tags."""
    prose = list(_blank(text))
    for match in _SLASH_COMMENT_OR_STRING.finditer(text):
        if " " in match[0] or match["jsx"]:
            prose[match.start() : match.end()] = match[0]
    return _blank_matches(re.compile(r"`[^`\n ]*`|\$\{[^}]*\}|//+|\*(?=\s)"), "".join(prose))


def all_prose(text: str) -> str:
    """Keep everything except code in backticks."""
    return _blank_matches(re.compile(r"`[^`\n]*`"), text.replace("#", " "))


PROSE: dict[str, Callable[[str], str]] = {
    ".md": markdown_prose,
    ".py": python_prose,
    ".ts": script_prose,
    ".tsx": script_prose,
    ".mjs": script_prose,
    ".yaml": all_prose,
    ".yml": all_prose,
    ".html": all_prose,
    ".css": all_prose,
    ".toml": all_prose,
    ".sh": all_prose,
    "Makefile": all_prose,
}


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _blank_matches(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: _blank(match[0]), text)


# ---------------------------------------------------------------- checks


def check_words(path: str, prose: str) -> Iterator[Finding]:
    """Yield a finding for each banned or retired word in `prose`."""
    for pattern, advice in _WORDS:
        for match in pattern.finditer(prose):
            yield Finding(path, _line_number(prose, match.start()), " ".join(match[0].split()), f"use {advice}")


def _whole_words(words: str) -> re.Pattern[str]:
    flexible = words.replace(" ", r"\s+")
    return re.compile(rf"(?<![\w-])(?:{flexible})(?![\w-])", re.IGNORECASE)


_WORDS = tuple((_whole_words(words), advice) for words, advice in (BANNED | RETIRED).items())


def check_names(path: str, text: str) -> Iterator[Finding]:
    """Yield a finding for each replaced name in `text`."""
    for match in _RENAMED.finditer(text):
        yield Finding(path, _line_number(text, match.start()), match[0], f"use {RENAMED[match[0]]}")


_RENAMED = re.compile(rf"\b(?:{'|'.join(RENAMED)})\b")


def check_markdown(path: str, text: str) -> Iterator[Finding]:
    """Yield findings about fences, table headers, line lengths and chains of semicolons."""
    yield from _check_fences(path, text)
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_LENGTH:
            yield Finding(path, number, f"line of {len(line)} characters", f"at most {MAX_LINE_LENGTH}")
    prose = markdown_prose(text)
    for number, (line, following) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        if _is_table_rule(following) and not all(cell.strip() for cell in line.strip().strip("|").split("|")):
            yield Finding(path, number, "empty table header", "name every column")
    for paragraph in re.finditer(r"(?:[^\n]*\S[^\n]*\n?)+", prose):
        for item in re.finditer(r"[^\n]+(?:\n(?!\s*(?:[*+-]|\d+\.|\|))[^\n]*)*", paragraph[0]):
            if item[0].count(";") > MAX_SEMICOLONS and not item[0].lstrip().startswith("|"):
                first = _line_number(prose, paragraph.start() + item.start())
                yield Finding(path, first, "several semicolons", "write sentences")


def _check_fences(path: str, text: str) -> Iterator[Finding]:
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        match = _FENCE.match(line)
        if not match:
            continue
        if not fence:
            fence = match[1]
            if not match[2].strip():
                yield Finding(path, number, "fenced block without a language", "add one, such as bash or text")
        elif match[1].startswith(fence) and not match[2].strip():
            fence = ""
    if fence:
        yield Finding(path, number, "fenced block without an end", "close it")


def _is_table_rule(line: str) -> bool:
    return bool(re.fullmatch(r"\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*", line)) and "|" in line


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


# ---------------------------------------------------------------- command


def check_file(path: str, text: str) -> list[Finding]:
    """Return the findings for a file, ordered by line, including exempted ones."""
    prose_of = PROSE.get(Path(path).suffix) or PROSE.get(Path(path).name)
    findings = [*check_words(path, prose_of(text)), *check_names(path, text)] if prose_of else []
    if path.endswith(".md"):
        findings += check_markdown(path, text)
    return sorted(findings, key=lambda finding: finding.line)


def without_exempt(findings: Iterable[Finding], text: str, used: set[Exempt]) -> Iterator[Finding]:
    """Yield the findings that no exemption covers, and add the exemptions that cover one to `used`."""
    lines = text.split("\n")
    for finding in findings:
        covering = [
            exempt
            for exempt in EXEMPT
            if fnmatch(finding.path, exempt.path) and re.search(exempt.line, lines[finding.line - 1])
        ]
        used.update(covering)
        if not covering:
            yield finding


def tracked_files() -> list[str]:
    """Return the paths of the files that git tracks or would add, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return [path for path in output.splitlines() if (ROOT / path).is_file() and not (ROOT / path).is_symlink()]


def main(paths: list[str]) -> int:
    """Print the findings for `paths`, or for all tracked files, and return the exit code."""
    used: set[Exempt] = set()
    findings = []
    for path in paths or tracked_files():
        if Path(path).suffix in PROSE or Path(path).name in PROSE:
            text = (ROOT / path).read_text()
            findings += [str(finding) for finding in without_exempt(check_file(path, text), text, used)]
    if not paths:
        findings += [
            f"{exempt.path}: unused exemption {exempt.line!r} -> remove it" for exempt in EXEMPT if exempt not in used
        ]
    for finding in findings:
        print(finding)  # noqa: T201 - the output of a command
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
