"""The page: verdict and main measures first, then each target, then data and training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from complaint_router.learn.report import charts
from complaint_router.learn.report.words import NONE, WORDS, Words, chance, count, decimal, percent

_MOST_CONFUSIONS, _MOST_ERRORS = 30, 50
_SIGNIFICANT = 0.05
_MEASURES = ("accuracy", "macro_f1", "top3", "ece", "threshold", "coverage", "auto_accuracy", "auto_bound")
_TONES = {
    "better": "good",
    "level": "plain",
    **dict.fromkeys(
        ("worse", "coverage_fell", "imprecise", "no_threshold", "few", "uncalibrated", "seen", "not_comparable"), "bad"
    ),
}
"""Whether a reason speaks for a model, against it or neither way."""

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 2.5rem 1.5rem 4rem; background: #fff; color: #26323d;
  font: 15px/1.6 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
  "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.3; }
h2 { margin: 3rem 0 .75rem; padding-top: .6rem; border-top: 2px solid #26323d; font-size: 1.3rem; line-height: 1.3; }
h3 { margin: 1.75rem 0 .4rem; font-size: 1rem; }
p { margin: .4rem 0; }
.note, figcaption, header p, footer { color: #5f6b76; font-size: .87rem; }
nav { margin: .9rem 0 1.5rem; font-size: .9rem; }
nav a { margin-right: 1.2rem; }
a { color: #1f5f99; text-decoration: none; }
a:hover { text-decoration: underline; }
.verdict { margin: 1.5rem 0; padding: 1rem 1.25rem; border-left: 5px solid; background: #f6f8f9; }
.verdict h2 { margin: 0; padding: 0; border: 0; }
.verdict.yes { border-color: #2c6e49; }
.verdict.yes h2 { color: #2c6e49; }
.verdict.no { border-color: #a33b2a; }
.verdict.no h2 { color: #a33b2a; }
.verdict ul { margin: .6rem 0 0; padding: 0; list-style: none; }
.verdict li { padding-left: 1.4rem; }
.verdict li::before { float: left; margin-left: -1.4rem; font-weight: 700; }
.verdict li.good::before { content: "+"; color: #2c6e49; }
.verdict li.bad::before { content: "!"; color: #a33b2a; }
.verdict li.plain::before { content: "="; color: #5f6b76; }
.wide { overflow-x: auto; }
table { width: 100%; margin: .6rem 0; border-collapse: collapse; font-size: .87rem; line-height: 1.4; }
th, td { padding: .38rem .5rem; border-bottom: 1px solid #dfe4e8; text-align: right; vertical-align: top; }
thead th { border-bottom: 1px solid #26323d; color: #5f6b76; font-weight: 600; vertical-align: bottom; }
td { white-space: nowrap; }
th.words, td.words { text-align: left; white-space: normal; }
tbody th { font-weight: 600; }
table.facts { width: auto; min-width: 50%; }
table.facts th { color: #5f6b76; font-weight: 400; }
dl { margin: 1rem 0; columns: 2; column-gap: 2.5rem; font-size: .87rem; }
dl div { break-inside: avoid; margin-bottom: .5rem; }
dt { font-weight: 600; }
dd { margin: 0; color: #5f6b76; }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.75rem 2.25rem; margin: 1.25rem 0; }
figure { margin: 0; break-inside: avoid; }
figure h3 { margin: 0 0 .4rem; }
figcaption { margin-top: .4rem; }
svg { display: block; width: 100%; height: auto; }
details { margin: .5rem 0; border-top: 1px solid #dfe4e8; }
summary { padding: .45rem 0; color: #1f5f99; cursor: pointer; }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 1px solid #dfe4e8; }
@media (max-width: 700px) { .figures { grid-template-columns: 1fr; } dl { columns: 1; } }
@media print {
  body { padding: 0; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav { display: none; }
  h2, h3, summary { break-after: avoid; }
  tr, .verdict { break-inside: avoid; }
  .wide { overflow: visible; }
}
"""


def render(account: Mapping[str, Any], language: str) -> str:
    """The account of a training as one HTML page that needs nothing from outside.

    Args:
        account: what was measured; it holds no text of a complaint, and so neither does the page.
        language: "zh" or "en".
    """
    words = WORDS[language]
    title = words["title"].format(name=account["name"])
    body = [
        _header(account, title, words),
        _verdict(account, words),
        _measures(account, words),
        _against(account, words),
        *(_target(target, account, words) for target in account["targets"]),
        _data(account, words),
        _training(account, words),
        f"<footer>{escape(words['privacy'])}</footer>",
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{words["lang"]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _header(account: Mapping[str, Any], title: str, words: Words) -> str:
    facts = words["facts"].format(
        version=account["version"], day=account["day"], minutes=decimal(account["minutes"], 1)
    )
    places = {
        "measures": words["measures"],
        **{f"target-{target}": _named(target, words) for target in account["targets"]},
        "data": words["data"],
        "training": words["training"],
    }
    links = "\n".join(f'<a href="#{escape(place)}">{escape(name)}</a>' for place, name in places.items())
    return f"<header>\n<h1>{escape(title)}</h1>\n{_note(facts)}\n<nav>\n{links}\n</nav>\n</header>"


def _verdict(account: Mapping[str, Any], words: Words) -> str:
    verdict = account.get("verdict")
    if verdict is None:
        return ""
    items = []
    for reason in verdict["reasons"]:
        code, _, target = reason.partition(":")
        said = words[code].format(target=_named(target, words)) if code in _TONES else reason
        items.append(f'<li class="{_TONES.get(code, "plain")}">{escape(said)}</li>')
    tone, said = ("yes", words["promote"]) if verdict["promote"] else ("no", words["keep_former"])
    listed = f"<ul>\n{''.join(items)}\n</ul>" if items else ""
    return (
        f'<section class="verdict {tone}">\n<h2>{escape(words["verdict"] + words["colon"] + said)}</h2>\n'
        f"{listed}\n</section>"
    )


def _measures(account: Mapping[str, Any], words: Words) -> str:
    rows = []
    for target, found in account["targets"].items():
        low, high = found["accuracy_interval"]
        rows.append(
            (
                _named(target, words),
                count(found["n"]),
                percent(found["accuracy"]),
                f"{percent(low)} – {percent(high)}",
                decimal(found["macro_f1"]),
                percent(found["top3"]),
                decimal(found.get("ece")),
                decimal(found.get("threshold"), 2),
                percent(found["coverage"]),
                percent(found.get("auto_accuracy")),
                percent(found.get("auto_bound")),
            )
        )
    head = ("target", "n", "accuracy", "interval", *_MEASURES[1:])
    meanings = "\n".join(
        f"<div><dt>{escape(words[measure])}</dt><dd>{escape(words[f'{measure}_means'])}</dd></div>"
        for measure in _MEASURES
    )
    return _section(
        "measures",
        words["measures"],
        _note(words["measures_note"].format(asked=percent(account["auto_precision"]))),
        _table([words[name] for name in head], rows),
        f"<dl>\n{meanings}\n</dl>",
    )


def _against(account: Mapping[str, Any], words: Words) -> str:
    against = account.get("against")
    if against is None:
        return ""
    rows, details = [], []
    for target, found in against["targets"].items():
        rows.append(
            (
                _named(target, words),
                count(found["n"]),
                percent(found["before"]),
                percent(found["after"]),
                f"{100 * (found['after'] - found['before']):+.1f}",
                *(count(found[name]) for name in ("won", "lost", "same_right", "same_wrong")),
                chance(found["p"]),
                words["significant" if found["p"] < _SIGNIFICANT else "not_significant"],
            )
        )
        labels = [
            (each["name"], each["label"], count(each["won"]), count(each["lost"]), _signed(each["won"] - each["lost"]))
            for each in found["labels"]
        ]
        details.append(
            _details(
                _titled("against_labels", target, len(labels), words),
                _table([words[name] for name in ("label", "code", "won", "lost", "balance")], labels, 2),
            )
        )
    head = ("target", "n", "before", "after", "change", "won", "lost", "same_right", "same_wrong", "p", "significance")
    return _section(
        "against",
        words["against"].format(name=against["name"]),
        _note(words["against_means"]),
        _table([words[name] for name in head], rows),
        _note(words["p_means"]),
        *details,
    )


def _target(target: str, account: Mapping[str, Any], words: Words) -> str:
    found = account["targets"][target]
    names = {"": words["no_answer"], **{each["label"]: each["name"] for each in found["labels"]}}
    return _section(
        f"target-{target}",
        _named(target, words),
        _parts(found, words),
        _figures(_plots(target, account, names, words)),
        *_tables(found, names, words),
    )


def _parts(found: Mapping[str, Any], words: Words) -> str:
    """What the parts of the model reach each alone; nothing where that was not measured."""
    parts = {name: found.get(name) for name in ("encoder_only", "linear_only")}
    rows = [(words[name], percent(part["accuracy"]), decimal(part["macro_f1"])) for name, part in parts.items() if part]
    if not rows:
        return ""
    whole = (words["whole"], percent(found["accuracy"]), decimal(found["macro_f1"]))
    head = [words[name] for name in ("part", "accuracy", "macro_f1")]
    return _note(words["parts_means"]) + _table(head, [whole, *rows], kind="facts")


def _plots(target: str, account: Mapping[str, Any], names: Mapping[str, str], words: Words) -> Iterable[str]:
    found = account["targets"][target]
    if found["reliability"]:
        yield _figure("reliability", charts.reliability(found["reliability"], words), words)
    if found["coverage_curve"]:
        right = found.get("auto_accuracy")
        chosen = None if right is None else (found["coverage"], right)
        drawn = charts.coverage(found["coverage_curve"], account["auto_precision"], chosen, words)
        yield _figure("coverage_curve", drawn, words)
    common = sorted(found["labels"], key=lambda each: -each["n"])[: charts.MOST_LABELS]
    if common:
        rows = [charts.Bar(each["name"], each["f1"], f"{decimal(each['f1'], 2)} ({each['n']:,})") for each in common]
        many = {"count": len(rows), "all": len(found["labels"])}
        yield _figure("f1_bars", charts.bars(rows, 1, words["f1_bars"]), words, many)
        shown = {each["label"]: names[each["label"]] for each in common}
        yield _figure("confusion", charts.heat_map(shown, found["confusion"], words), words)
    curve = [
        charts.Point(step["rows"], reached["accuracy"], reached["macro_f1"])
        for step in account.get("learning_curve") or ()
        if (reached := step["targets"].get(target))
    ]
    if curve:
        yield _figure("learning_curve", charts.learning(curve, words), words)
    course = [
        charts.Point(number, epoch["accuracy"][target], epoch["macro_f1"][target])
        for number, epoch in enumerate(account["training"]["epochs"], 1)
        if target in epoch["accuracy"]
    ]
    if course:
        yield _figure("epochs_chart", charts.epochs(course, account["training"]["best"], words), words)


def _tables(found: Mapping[str, Any], names: Mapping[str, str], words: Words) -> Iterable[str]:
    rows = [
        (
            each["name"],
            each["label"],
            count(each["n"]),
            count(each["given"]),
            percent(each["precision"]),
            percent(each["recall"]),
            decimal(each["f1"]),
            words["held_back"] if each.get("held_back") else decimal(each.get("threshold", found.get("threshold")), 2),
        )
        for each in found["labels"]
    ]
    head = [words[name] for name in ("label", "code", "n", "given_n", "precision", "recall", "f1", "threshold")]
    yield _details(words["labels"].format(count=count(len(rows))), _note(words["labels_means"]) + _table(head, rows, 2))
    wrong = [cell for cell in found["confusion"] if cell["right"] != cell["given"]]
    mixed = sorted(wrong, key=lambda cell: -cell["n"])[:_MOST_CONFUSIONS]
    if mixed:
        cells = [(_label(cell["right"], names), _label(cell["given"], names), count(cell["n"])) for cell in mixed]
        head = [words[name] for name in ("right_label", "given_label", "n")]
        yield _details(words["confusions"].format(count=count(len(cells))), _table(head, cells, 2))
    errors = found["errors"][:_MOST_ERRORS]
    if errors:
        places = [
            (each["row"], _label(each["label"], names), _label(each["given"], names), decimal(each["score"], 2))
            for each in errors
        ]
        head = [words[name] for name in ("row", "data_label", "given_label", "score")]
        table = _note(words["errors_means"]) + _table(head, places, 3)
        yield _details(words["errors"].format(count=count(len(places))), table)


def _data(account: Mapping[str, Any], words: Words) -> str:
    data = account["data"]
    names = {
        target: {each["label"]: each["name"] for each in found["labels"]}
        for target, found in account["targets"].items()
    }
    return _section(
        "data",
        words["data"],
        _facts(_data_facts(data, words)),
        f"<h3>{escape(words['checks'])}</h3>",
        _note(words["checks_means"].format(floor=count(data["floor"]))),
        _checks(data, words),
        _leaks(data, words),
        _figures(
            _counts(target, counts, names.get(target, {}), words) for target, counts in data["labels"].items() if counts
        ),
        *_data_tables(data, names, words),
    )


def _data_facts(data: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    facts = [
        (words["data_rows"], count(data["rows"])),
        *((words[name], count(data[name])) for name in ("left_out", "duplicates", "near_duplicates")),
    ]
    if data.get("dates"):
        facts.append((words["dates"], words["dates_span"].format(**data["dates"])))
    lengths = data["lengths"]
    span = {"low": "0.05", "median": "0.5", "high": "0.95", "longest": "max"}
    spanned = words["lengths_span"].format(**{name: count(lengths[key]) for name, key in span.items()})
    masked = words["list"].join(f"{mask} {count(number)}" for mask, number in data["masked"].items())
    return [
        *facts,
        (words["lengths"], spanned),
        (words["rare_policy"].format(floor=count(data["floor"])), words[f"policy_{data['rare_policy']}"]),
        (words["masked"], masked or NONE),
        (words["answers_cut"], words["yes" if data["answers_cut"] else "no"]),
    ]


def _checks(data: Mapping[str, Any], words: Words) -> str:
    rows = [
        (
            _named(target, words),
            count(len(counts)),
            count(data["unlabelled"].get(target)),
            count(len(data["rare"].get(target, ()))),
            count(data["conflicts"].get(target, {}).get("groups", 0)),
        )
        for target, counts in data["labels"].items()
    ]
    return _table([words[name] for name in ("target", "label_count", "unlabelled", "rare", "conflicts")], rows)


def _leaks(data: Mapping[str, Any], words: Words) -> str:
    rows = [
        (
            _named(target, words),
            count(found["clauses"]),
            count(found.get("turned")),
            percent(found.get("right_with")),
            percent(found.get("right_without")),
            words["yes" if found["leaks"] else "no"],
        )
        for target, found in data["leaks"].items()
    ]
    if not rows:
        return ""
    head = ("target", "clauses", "turned", "right_with", "right_without", "leaking")
    return (
        f"<h3>{escape(words['leaks'])}</h3>\n{_note(words['leaks_means'])}\n"
        f"{_table([words[name] for name in head], rows)}"
    )


def _counts(target: str, counts: Mapping[str, int], names: Mapping[str, str], words: Words) -> str:
    common = sorted(counts.items(), key=lambda each: -each[1])[: charts.MOST_LABELS]
    rows = [charts.Bar(names.get(label, label), number, count(number)) for label, number in common]
    title = words["counts_chart"].format(target=_named(target, words))
    drawn = charts.bars(rows, max(number for _, number in common), title)
    return _figure("counts_chart", drawn, words, {"count": len(common), "all": len(counts)}, title)


def _data_tables(data: Mapping[str, Any], names: Mapping[str, Mapping[str, str]], words: Words) -> Iterable[str]:
    head = [words[name] for name in ("label", "code", "data_rows")]
    for title, found in (("counts", data["labels"]), ("rare_labels", data["rare"])):
        for target, counts in found.items():
            if counts:
                ordered = sorted(counts.items(), key=lambda each: -each[1])
                rows = [(names.get(target, {}).get(label, label), label, count(number)) for label, number in ordered]
                yield _details(_titled(title, target, len(rows), words), _table(head, rows, 2))
    for target, conflicts in data["conflicts"].items():
        if conflicts["rows"]:
            listed = f"<p>{escape(words['list'].join(conflicts['rows']))}</p>"
            yield _details(_titled("conflict_rows", target, len(conflicts["rows"]), words), listed)


def _training(account: Mapping[str, Any], words: Words) -> str:
    training = account["training"]
    facts = [
        (words["taught_rows"], count(training["rows"])),
        (words["held_rows"], count(training["held"])),
        (words["split"], words[f"split_{training['split']}"]),
        (words["answering"], _answering(account["cascade"]["answering"], words)),
        (words["best_epoch"], words["best_of"].format(best=training["best"], all=len(training["epochs"]))),
        (words["init"], account["init"]),
        (words["home"], account.get("home") or NONE),
        (words["seed"], str(account["seed"])),
    ]
    targets = list(account["targets"])
    rows = [
        (
            str(number),
            decimal(epoch["loss"]),
            *(percent(epoch["accuracy"].get(target)) for target in targets),
        )
        for number, epoch in enumerate(training["epochs"], 1)
    ]
    head = [words["epoch"], words["loss"], *(_named(target, words) for target in targets)]
    return _section("training", words["training"], _facts(facts), _details(words["epochs"], _table(head, rows)))


def _answering(shares: Mapping[str, float], words: Words) -> str:
    """Which share of the complaints each tier answers."""
    return words["list"].join(f"{words[f'tier_{tier}']} {percent(share)}" for tier, share in shares.items())


def _named(target: str, words: Words) -> str:
    return words.get(target, target)


def _label(label: str, names: Mapping[str, str]) -> str:
    """The name of a label with its code, where they differ."""
    name = names.get(label, label)
    return name if label in ("", name) else f"{name} ({label})"


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def _titled(name: str, target: str, number: int, words: Words) -> str:
    return words[name].format(target=_named(target, words), count=count(number))


def _section(place: str, title: str, *parts: str) -> str:
    inside = "\n".join(part for part in parts if part)
    return f'<section id="{escape(place)}">\n<h2>{escape(title)}</h2>\n{inside}\n</section>'


def _figures(figures: Iterable[str]) -> str:
    inside = "\n".join(figures)
    return f'<div class="figures">\n{inside}\n</div>' if inside else ""


def _figure(
    name: str, drawn: str, words: Words, counts: Mapping[str, int] | None = None, title: str | None = None
) -> str:
    means = words[f"{name}_means"].format(**{key: count(number) for key, number in (counts or {}).items()})
    return (
        f"<figure>\n<h3>{escape(title or words[name])}</h3>\n{drawn}\n<figcaption>{escape(means)}</figcaption>\n"
        "</figure>"
    )


def _note(said: str) -> str:
    return f'<p class="note">{escape(said)}</p>'


def _details(title: str, inside: str) -> str:
    return f"<details>\n<summary>{escape(title)}</summary>\n{inside}\n</details>"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return _table((), rows, 2, "facts")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1, kind: str = "") -> str:
    """A table whose first `texts` columns hold words and the others numbers; its cells are plain text."""
    named = f' class="{kind}"' if kind else ""
    sides = [' class="words"' if at < texts else "" for at in range(max(len(row) for row in (head, *rows)))]
    top = "".join(f'<th scope="col"{side}>{escape(name)}</th>' for name, side in zip(head, sides, strict=False))
    lines = "\n".join(
        f'<tr><th scope="row"{sides[0]}>{escape(row[0])}</th>'
        + "".join(f"<td{side}>{escape(cell)}</td>" for cell, side in zip(row[1:], sides[1:], strict=False))
        + "</tr>"
        for row in rows
    )
    header = f"<thead><tr>{top}</tr></thead>\n" if head else ""
    return f'<div class="wide"><table{named}>\n{header}<tbody>\n{lines}\n</tbody>\n</table></div>'
