"""Results as a self-contained HTML page with thumbnails, verdicts, findings and bounding boxes. Pure.

The page has no scripts. Its Content Security Policy forbids them, and all text is escaped: paths, findings and messages
are untrusted. An image with moderation labels is blurred by a style that a checkbox over the image turns off.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from imagescan_cli.batch import ImageResult
from imagescan_cli.features import Feature, findings
from imagescan_cli.formatting import FEATURE_TITLES, VERDICTS, format_found
from imagescan_cli.questions import Question, printable_path
from imagescan_cli.schemas import Outcome, RequestJson, outcome

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_MAX_FINDINGS = 8  # of one feature
_TITLES = {
    Outcome.MATCH: "Yes",
    Outcome.NO_MATCH: "No",
    Outcome.SCANNED: "Scanned",
    Outcome.FAILED: "Failed",
    Outcome.PENDING: "Pending",
}
_STYLE = """
:root { color-scheme: light dark; --edge: light-dark(#d0d4da, #3b4149); --quiet: light-dark(#525b67, #a9b3bf);
  --page: light-dark(#f6f7f9, #15181c); --card: light-dark(#fff, #1e2227); --text: light-dark(#16191d, #eef1f4);
  --yes: light-dark(#0b6b34, #5fd08d); --no: light-dark(#525b67, #a9b3bf);
  --failed: light-dark(#b3261e, #ff9b92); --pending: light-dark(#8a5a00, #f0bf62); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 90rem; background: var(--page); color: var(--text);
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.125rem; margin: 2rem 0 .75rem; }
p { margin: .25rem 0; }
.quiet { color: var(--quiet); font-size: .875rem; }
ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1rem; margin: 0;
  padding: 0; list-style: none; }
li { display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--edge);
  border-radius: .5rem; overflow: hidden; content-visibility: auto; contain-intrinsic-size: auto 22rem; }
figure { position: relative; margin: 0; height: 13rem; display: grid; place-items: center;
  background: light-dark(#e9ecf0, #0f1114); }
figure.none::after { content: "No preview"; color: var(--quiet); font-size: .875rem; }
.image { position: relative; display: block; max-width: 100%; }
.image img { display: block; max-width: 100%; max-height: 13rem; }
.box { position: absolute; border: 2px solid #fff; outline: 2px solid #0a7a3d; }
.box span { position: absolute; left: 0; max-width: 100%; overflow: hidden; white-space: nowrap;
  padding: 0 .25rem; background: #0a7a3d; color: #fff; font-size: .75rem; }
.sensitive { overflow: hidden; }
.sensitive input { appearance: none; position: absolute; inset: 0; z-index: 2; margin: 0; cursor: pointer; }
.sensitive input:focus-visible { outline: 3px solid var(--text); outline-offset: -6px;
  box-shadow: inset 0 0 0 9px var(--card); }
.sensitive input:not(:checked) ~ .image { filter: blur(1.5rem); }
.sensitive input:not(:checked) ~ .image .box { display: none; }
.hint { position: absolute; z-index: 1; padding: .25rem .75rem; border-radius: .25rem; background: var(--card); }
.sensitive input:checked ~ .hint { display: none; }
.text { padding: .75rem; display: grid; gap: .25rem; align-content: start; }
.path { font-weight: 600; }
.folder { display: block; color: var(--quiet); font-weight: 400; font-size: .875rem; }
.verdict { font-weight: 700; }
.yes { color: var(--yes); } .no, .scanned { color: var(--no); } .failed { color: var(--failed); }
.pending { color: var(--pending); }
code { font-size: .8125rem; }
@media print { body { max-width: none; background: none; } li { break-inside: avoid; content-visibility: visible; }
  .sensitive input:not(:checked) ~ .image { visibility: hidden; } }
"""


class RunDetails(NamedTuple):
    """The run that a page reports: its API, its time, and how many files it skipped.

    ``missing`` counts the images without a result because the run stopped early.
    """

    api_url: str
    created_at: datetime
    skipped: int = 0
    missing: int = 0


def format_report(results: Sequence[ImageResult], question: Question, run: RunDetails) -> str:
    """Return the page. Images with the same outcome form a section, in order of their paths."""
    sections = "".join(_section(each, results) for each in _TITLES)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(question))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(_title(question))}</h1>\n"
        f'<p>{escape(_counts(results))}</p>\n<p class="quiet">{escape(_details(run))}</p>\n'
        f"{sections}</body>\n</html>\n"
    )


def _title(question: Question) -> str:
    if not question.asked:
        return "Scan results"
    mode = f" ({question.match_mode} of them)" if question.match_mode and len(question.asked) > 1 else ""
    return f"Scan results: {', '.join(question.asked)}{mode}"


def _counts(results: Iterable[ImageResult]) -> str:
    counts = Counter(outcome(each.result) for each in results)
    images = f"{counts.total():,} image" + ("" if counts.total() == 1 else "s")
    return ": ".join([images, ", ".join(f"{counts[each]:,} {word}" for each, word in VERDICTS.items() if counts[each])])


def _details(run: RunDetails) -> str:
    time, host = run.created_at.isoformat(" ", "minutes"), urlsplit(run.api_url).hostname  # a URL can hold a password
    skipped = f" Skipped files: {run.skipped:,}." if run.skipped else ""
    interrupted = f" Stopped early. Images without a result: {run.missing:,}." if run.missing else ""
    return f"Created on {time} by imagescan with {host}.{skipped}{interrupted}"


def _section(kind: Outcome, results: Iterable[ImageResult]) -> str:
    chosen = sorted((each for each in results if outcome(each.result) is kind), key=lambda each: each.path)
    if not chosen:
        return ""
    cards = "\n".join(_card(each, kind) for each in chosen)
    return f"<h2>{_TITLES[kind]} ({len(chosen):,})</h2>\n<ul>\n{cards}\n</ul>\n"


def _card(each: ImageResult, kind: Outcome) -> str:
    result = each.result
    folder, slash, name = printable_path(each.path).rpartition("/")
    lines = [
        f'<p class="path"><span class="folder">{escape(folder + slash)}</span>{escape(name)}</p>',
        f'<p><span class="verdict {VERDICTS[kind]}">{_TITLES[kind]}:</span> {escape(_without_verdict(result))}</p>',
        *_optional_lines(each),
    ]
    return f'<li>{_figure(each)}<div class="text">{"".join(lines)}</div></li>'


def _without_verdict(result: RequestJson) -> str:
    """Return the message without "Yes:" or "No:", because the card shows the verdict."""
    message = str(result["message"])
    verdict, separator, rest = message.partition(": ")
    return rest if separator and verdict in {"Yes", "No"} else message


def _optional_lines(each: ImageResult) -> Iterator[str]:
    for feature in Feature:
        found = findings(each.result, feature)
        if found or (found is not None and each.result.get("status") == "completed"):
            text = format_found(feature, found, limit=_MAX_FINDINGS, decimals=0)
            yield f'<p class="quiet">{FEATURE_TITLES[feature]}: {escape(text)}</p>'
    if each.conversion:
        yield f'<p class="quiet">{escape(each.conversion)}</p>'
    if each.result["request_id"]:
        yield f"<code>{escape(each.result['request_id'])}</code>"


def _figure(each: ImageResult) -> str:
    if each.thumbnail is None:
        return '<figure class="none"></figure>'
    source = f"data:image/jpeg;base64,{b64encode(each.thumbnail).decode()}"
    boxes = "".join(_box(*box) for box in _boxes(each.result))
    image = f'<span class="image"><img alt="" src="{source}">{boxes}</span>'
    if not findings(each.result, Feature.MODERATION):
        return f"<figure>{image}</figure>"
    # Firefox restores the state of checkboxes when a page is reloaded, unless autocomplete is off.
    name = escape(f"Show {printable_path(each.path)}, an image with moderation labels")
    reveal = f'<input type="checkbox" autocomplete="off" aria-label="{name}">'
    hint = '<span class="hint" aria-hidden="true">Blurred. Click to show.</span>'
    return f'<figure class="sensitive">{reveal}{hint}{image}</figure>'


def _boxes(result: RequestJson) -> list[tuple[int, str, dict[str, Any]]]:
    """Return the bounding boxes of all matches, with the number of the match and its label."""
    matches = [each["match"] for each in result.get("results") or [] if each.get("match")]
    return [
        (number, str(match["label"]), box) for number, match in enumerate(matches) for box in match.get("boxes") or []
    ]


def _box(number: int, label: str, box: dict[str, Any]) -> str:
    """Return a box with its label, which is below those of earlier matches because boxes can have the same corner."""
    sides = ";".join(f"{side}:{float(box[side]) * 100:.2f}%" for side in ("left", "top", "width", "height"))
    caption = f'<span style="top:{number * 1.2:g}rem">{escape(label)}</span>'
    return f'<span class="box" style="{sides}" title="{escape(label)}">{caption}</span>'
