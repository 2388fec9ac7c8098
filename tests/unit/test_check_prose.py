"""The check of vocabulary and Markdown, with texts that it must accept and reject."""

from pathlib import Path

import pytest

from scripts import check_prose


def problems(path: str, text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.problem) for finding in check_prose.check_file(path, text)]


@pytest.mark.parametrize(
    "text",
    [
        "It tells the caller.",
        "The caller is told twice.",
        "Whoever calls it",
        "Nobody waits.",
        "somebody",
        "One's own requests",
        "It is made anew.",
        "both alike",
        "nought",
        "mend it",
        "It stands beside 'size'.",
        "As delivered, it is open.",
        "always, unless said otherwise",
        "the image is to be scanned",
        "Labels are to be had there.",
        "the image is put off",
        "the upload was broken off",
        "messages are worked off",
        "a message was given up",
        "a run is taken up again",
        "It waits in vain.",
        "this is what it comes to",
        "the Rekognition stand-in",
        "standings",
        "requests are swept up",
        "a poison message",
        "It gives back a call.",
        "Old requests are forgotten.",
        "a picture of a cat",
    ],
)
def test_every_kind_of_banned_text_is_found(text: str) -> None:
    assert problems("docs/page.md", f"# Page\n\n{text}\n")[0][0] == 3


@pytest.mark.parametrize(
    "text",
    [
        "Besides Rekognition, it costs nothing.",
        "The hotel is an intellectual retelling.",
        "It takes up to 15 minutes.",
        "Run `tell` and ``nobody``.",
        "See [the page](https://example.com/nobody/told).",
        "```python\nprint('nobody told you')\n```",
        "   ```text\n   nobody\n   ```",
        "Take the emulator offline, put the image in S3, and give the request a label.",
    ],
)
def test_accepted_text_has_no_findings(text: str) -> None:
    assert problems("docs/page.md", text) == []


def test_phrase_is_found_across_a_line_break() -> None:
    assert problems("docs/page.md", "The image is put\noff until tomorrow.") == [(1, "put off")]


def test_word_is_found_in_any_case_and_printed_with_its_replacement() -> None:
    findings = check_prose.check_file("README.md", "NOBODY")
    assert str(findings[0]) == "README.md:1: NOBODY -> use no user, no caller or the passive voice"


def test_python_comments_docstrings_messages_and_test_names_are_checked() -> None:
    source = '"""Tell it."""\n\nvalue = 1  # anew\nraise E(f"{value} told")\n\n\ndef test_nobody_waits(): ...\n'
    assert problems("src/a.py", source) == [(1, "Tell"), (3, "anew"), (4, "told"), (7, "nobody")]


def test_multi_line_docstring_is_reported_on_the_line_of_the_word() -> None:
    assert problems("src/a.py", '"""Return it.\n\nTell the caller.\n"""\n') == [(3, "Tell")]


@pytest.mark.parametrize("source", ["told = tell(nobody)\n", 'key = "told"\n', '"""Call `tell`."""\n'])
def test_python_names_keys_and_quoted_code_are_not_checked(source: str) -> None:
    assert problems("src/a.py", source) == []


def test_typescript_comments_strings_and_jsx_text_are_checked() -> None:
    source = "// told\n/* is\n   anew */\nconst a = 'nobody waits';\nconst b = `${x} told`;\nreturn <p>Forget</p>;\n"
    expected = [(1, "told"), (3, "anew"), (4, "nobody"), (5, "told"), (6, "Forget")]
    assert problems("frontend/src/a.tsx", source) == expected


@pytest.mark.parametrize("source", ["told(nobody);\n", "const a = 'told';\n", 'const u = "https://a.b/told";\n'])
def test_typescript_names_and_keys_are_not_checked(source: str) -> None:
    assert problems("frontend/src/a.ts", source) == []


@pytest.mark.parametrize(
    "path", ["template.yaml", "Makefile", "frontend/index.html", "scripts/ci.sh", "pyproject.toml"]
)
def test_all_lines_of_other_files_are_checked(path: str) -> None:
    assert problems(path, "a: b\nDescription: told # anew\n") == [(2, "told"), (2, "anew")]


def test_renamed_names_are_found_in_code() -> None:
    text = "```bash\nsam deploy MaxCallsPerDay=1 IsLocalEmulator=true\n```"
    assert problems("README.md", text) == [(2, "MaxCallsPerDay")]


def test_fenced_block_without_a_language_is_found() -> None:
    assert problems("README.md", "```\na\n```\n\n```bash\nb\n```\n") == [(1, "fenced block without a language")]


def test_fenced_block_without_an_end_is_found() -> None:
    assert [problem for _, problem in problems("README.md", "```bash\na\n")] == ["fenced block without an end"]


def test_longer_fence_may_contain_a_shorter_one() -> None:
    assert problems("README.md", "````markdown\n```\n````\n") == []


@pytest.mark.parametrize(("header", "count"), [("| | |", 1), ("| a | |", 1), ("| a | b |", 0), ("a | b", 0)])
def test_empty_table_header_is_found(header: str, count: int) -> None:
    assert len(problems("README.md", f"{header}\n|---|---|\n| 1 | |\n")) == count


@pytest.mark.parametrize(("length", "count"), [(119, 0), (120, 1)])
def test_long_markdown_line_is_found(length: int, count: int) -> None:
    assert len(problems("README.md", "x" * length)) == count


def test_several_semicolons_in_a_paragraph_are_found() -> None:
    assert problems("README.md", "One; two.\n\nA; b;\nc.\n\n* d; e\n* f; g\n") == [(3, "several semicolons")]


def test_exemption_covers_only_its_file_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    exempt = check_prose.Exempt("README.md", "quote", "is a quotation")
    monkeypatch.setattr(check_prose, "EXEMPT", (exempt,))
    text = "nobody, a quote\nnobody\n"
    used: set[check_prose.Exempt] = set()
    kept = check_prose.without_exempt(check_prose.check_file("README.md", text), text, used)
    assert [finding.line for finding in kept] == [2]
    assert used == {exempt}
    assert len([*check_prose.without_exempt(check_prose.check_file("docs/a.md", text), text, used)]) == 2


def test_every_exemption_has_a_reason() -> None:
    assert all(exempt.reason.strip() for exempt in check_prose.EXEMPT)


def test_command_fails_on_a_finding_and_passes_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_prose, "ROOT", tmp_path)
    (tmp_path / "good.md").write_text("The image is scanned.\n")
    (tmp_path / "bad.md").write_text("The caller is told.\n")
    assert check_prose.main(["good.md"]) == 0
    assert check_prose.main(["good.md", "bad.md"]) == 1
    assert capsys.readouterr().out == "bad.md:1: told -> use return, show, report or state\n"
