"""The command line: arguments in, printing out, no logic.

Exit status: 0 done; 2 the user's mistake, told in one line on standard error; 1 anything else.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.table import Table

from complaint_router import __version__
from complaint_router.errors import ArgumentError, ComplaintRouterError
from complaint_router.folder import FILES
from complaint_router.schema import Route
from complaint_router.taxonomy import Taxonomy

if TYPE_CHECKING:
    from complaint_router.backlog import Summary

DONE, FAILED, MISTAKE = 0, 1, 2

_WIDE = 200
_MOST_FREQUENT = 5
_PLAN = (
    "init", "epochs", "seed", "auto_precision", "floor", "rare", "cut_answers", "resume", "against", "learning_curve",
    "language",
)  # fmt: skip
"""Options of `train` that are fields of its plan."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was typed may be a complaint: it is not repeated.
        message = re.sub(r"(unrecognized arguments):.*", r"\1", message, flags=re.DOTALL)
        self.exit(MISTAKE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; `arguments` defaults to those of the process. Returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console in GBK or ASCII shows what it can
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except ComplaintRouterError as error:
        print(f"complaint-router: {error}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt as stop:
        print(f"complaint-router: {str(stop) or 'stopped'}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; what Python flushes at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        print(f"complaint-router: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="complaint-router", description="Route Chinese citizen complaints.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    route = commands.add_parser("route", help="route one complaint, or a whole file")
    route.add_argument("text", nargs="?", help="a complaint")
    route.add_argument("--json", action="store_true", help="print the route as JSON")
    route.add_argument("--input", metavar="IN", help="file of complaints: .jsonl, .csv (or with .gz), .parquet, .xlsx")
    route.add_argument("--output", metavar="OUT", help="file for the same rows with their routes")
    route.add_argument("--model", metavar="DIR", help="model folder (default: the bundled national model)")
    route.add_argument("--home", metavar="CODE", help="division code whose hotline this is, such as 460100")
    route.add_argument("--units", metavar="FILE", help="unit directory: name, function, division, level")
    route.add_argument("--workers", type=_at_least_one, metavar="N", help="processes (default: one for each core)")
    route.add_argument("--rejects", metavar="FILE", help="file for a copy of the flagged rows, with their numbers")
    route.add_argument("--summary", metavar="FILE", help="file for the counts of the run, as JSON")
    route.add_argument(
        "--group-duplicates", action="store_true", help="add the number of the first row that tells of the same matter"
    )
    route.add_argument(
        "--safe-cells", action=argparse.BooleanOptionalAction, default=True,
        help="in CSV and XLSX let no spreadsheet run a cell that begins like a formula (default: yes)",
    )  # fmt: skip
    _text_fields(route)
    route.set_defaults(run=_route)

    train = commands.add_parser("train", help="train a model on labelled files")
    train.add_argument("--train", nargs="+", action="extend", required=True, metavar="FILE", help="labelled files")
    train.add_argument("--dev", metavar="FILE", help="labelled file for choosing the epoch and for calibration")
    train.add_argument(
        "--target", action="append", required=True, metavar="NAME=FIELD", help="column of a target's labels"
    )
    train.add_argument(
        "--place", action="append", default=[], metavar="LEVEL=FIELD", help="column that names the district or town"
    )
    train.add_argument(
        "--alternatives", action="append", default=[], metavar="NAME=FIELD", help="column of labels that are right too"
    )
    train.add_argument("--date-field", metavar="FIELD", help="column of the day; the latest rows are held out")
    train.add_argument("--home", metavar="CODE", help="division code whose hotline this is")
    train.add_argument("--init", default="default", metavar="default|DIR|HUB_NAME", help="model to go on from")
    train.add_argument("--limit", type=_at_least_one, metavar="N", help="take the first N rows")
    train.add_argument("--output", required=True, metavar="DIR", help="model folder to be written")
    train.add_argument(
        "--epochs", type=_at_least_one, metavar="N", help="passes over the rows (default: by their number)"
    )
    train.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: 0)")
    train.add_argument("--taxonomy", metavar="FILE", help="taxonomy of one's own")
    train.add_argument(
        "--auto-precision", type=_share, default=0.95, metavar="SHARE",
        help="share of automatic dispatches that shall be right (default: 0.95)",
    )  # fmt: skip
    train.add_argument("--floor", type=_at_least_one, default=5, metavar="N", help="labels with fewer rows are rare")
    train.add_argument(
        "--rare", choices=("keep", "merge", "drop"), default="keep", help="what to do about rare labels (default: keep)"
    )
    train.add_argument("--cut-answers", action="store_true", help="cut out clauses that name the unit asked to act")
    train.add_argument("--resume", action="store_true", help="go on from where an interrupted training stood")
    train.add_argument("--against", metavar="DIR", help="former model to compare with (default: the one gone on from)")
    train.add_argument("--learning-curve", action="store_true", help="measure too how well fewer rows would do")
    train.add_argument("--language", choices=("zh", "en"), default="zh", help="of the report (default: zh)")
    _text_fields(train)
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a model on a labelled file")
    evaluate.add_argument("--model", metavar="DIR", help="model folder (default: the bundled national model)")
    evaluate.add_argument("--data", required=True, metavar="FILE", help="labelled file")
    evaluate.add_argument(
        "--target", action="append", required=True, metavar="NAME=FIELD", help="column of a target's labels"
    )
    evaluate.add_argument(
        "--alternatives", action="append", default=[], metavar="NAME=FIELD", help="column of labels that are right too"
    )
    evaluate.add_argument("--home", metavar="CODE", help="division code whose hotline this is")
    evaluate.add_argument("--json", action="store_true", help="print the measures as JSON")
    _text_fields(evaluate)
    evaluate.set_defaults(run=_evaluate)
    return parser


def _text_fields(command: argparse.ArgumentParser) -> None:
    command.add_argument("--text-field", default="text", metavar="FIELD", help="column of the text (default: text)")
    command.add_argument("--title-field", metavar="FIELD", help="column of a title in front of the text")


def _route(options: argparse.Namespace) -> None:
    from complaint_router.router import Router

    if (options.text is None) == (options.input is None):
        raise ArgumentError('give either a "TEXT" or --input IN --output OUT')
    if (options.input is None) != (options.output is None):
        raise ArgumentError("--input and --output go together")
    router = Router.from_pretrained(options.model, home=options.home, units=options.units)
    if options.text is not None:
        route = router.route(options.text)
        if options.json:
            print(json.dumps(route.to_dict(), ensure_ascii=False))
        else:
            _print_route(route, router.taxonomy)
        return
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own keeps what it does not need any more
    from complaint_router.backlog import available_cores, route_file

    summary = route_file(
        router,
        options.input,
        options.output,
        text_field=options.text_field,
        title_field=options.title_field,
        workers=options.workers or available_cores(),
        rejects=options.rejects,
        summary=options.summary,
        group_duplicates=options.group_duplicates,
        safe_cells=options.safe_cells,
    )
    if sys.stderr.isatty():
        _print_summary(summary)


def _train(options: argparse.Namespace) -> None:
    targets, places = _pairs(options.target, "--target"), _pairs(options.place, "--place")
    alternatives = _pairs(options.alternatives, "--alternatives")
    from complaint_router import train

    with _told_on_stderr():
        trained = train(
            options.train,
            targets=targets,
            places=places,
            alternatives=alternatives,
            output=options.output,
            dev=options.dev,
            text_field=options.text_field,
            title_field=options.title_field,
            date_field=options.date_field,
            home=options.home,
            limit=options.limit,
            taxonomy=options.taxonomy,
            **{name: getattr(options, name) for name in _PLAN},
        )
    print(f"{trained.folder}: trained on {trained.rows:,} rows in {trained.seconds / 60:.1f} minutes")
    if trained.account["verdict"]:
        verdict = trained.account["verdict"]
        word = "recommended" if verdict["promote"] else "not recommended"
        print(f"{trained.folder / FILES.report}: {word} ({', '.join(verdict['reasons']) or 'nothing against it'})")
    if trained.unplaced:
        print(f"complaint-router: {trained.unplaced:,} rows name places that home does not have", file=sys.stderr)


@contextmanager
def _told_on_stderr() -> Iterator[None]:
    """What the library logs is printed, and Ctrl-C says how to go on."""
    handler, log = logging.StreamHandler(), logging.getLogger("complaint_router")
    handler.setFormatter(logging.Formatter("complaint-router: %(message)s"))
    log.addHandler(handler)
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command with --resume goes on") from None
    finally:
        log.removeHandler(handler)


def _evaluate(options: argparse.Namespace) -> None:
    from complaint_router.evaluation import evaluate

    found = evaluate(
        options.model,
        options.data,
        targets=_pairs(options.target, "--target"),
        text_field=options.text_field,
        title_field=options.title_field,
        alternatives=_pairs(options.alternatives, "--alternatives"),
        home=options.home,
    )
    labels = {name: answers.labels() for name, answers in found.answers.items()}
    if options.json:
        targets = {
            name: {**asdict(each), "labels": [asdict(label) for label in labels[name]]}
            for name, each in found.scores.items()
        }
        print(json.dumps({"n": found.n, "targets": targets}, ensure_ascii=False))
        return
    table = Table("target", "n", "accuracy", "macro-F1", "top 3", "ECE", "auto share", "auto accuracy")
    for name, each in found.scores.items():
        numbers = (each.accuracy, each.macro_f1, each.top3, each.ece, each.auto_coverage, each.auto_accuracy)
        table.add_row(name, str(each.n), *("–" if number is None else f"{number:.3f}" for number in numbers))
        if each.unknown:
            print(f"complaint-router: {each.unknown} rows have a {name} that the model lacks", file=sys.stderr)
    console = _console()
    console.print(table)
    for name, several in labels.items():
        table = Table(name, "n", "given", "precision", "recall", "F1")
        for label in several:
            shares = (label.precision, label.recall, label.f1)
            table.add_row(label.label, str(label.n), str(label.given), *(f"{share:.3f}" for share in shares))
        console.print(table)


def _print_summary(summary: Summary) -> None:
    rate = summary.rows / summary.seconds
    repeated = "" if summary.duplicates is None else f", {summary.duplicates:,} of them duplicates"
    print(f"{summary.rows:,} rows{repeated}, {rate:,.0f}/s", file=sys.stderr)
    for name in ("actions", "reasons", "flags", "domains", "departments", "districts"):
        counts = list(getattr(summary, name).items())
        told = [f"{label or 'none'} {count:,}" for label, count in counts[:_MOST_FREQUENT]]
        if counts:
            rest = f", and {len(counts) - _MOST_FREQUENT} others" if len(counts) > _MOST_FREQUENT else ""
            print(f"{name}: {', '.join(told)}{rest}", file=sys.stderr)


def _print_route(route: Route, taxonomy: Taxonomy) -> None:
    table = Table(show_header=False, box=None)
    if route.category:
        table.add_row("类别", " › ".join(route.category.path), f"{route.category.score:.2f}")
    if route.department:
        co = "、".join(taxonomy.departments[code].name for code in route.department.co)
        table.add_row("部门", route.department.name + (f"（协办 {co}）" if co else ""), f"{route.department.score:.2f}")
    if route.unit:
        table.add_row("单位", route.unit.name, f"{route.unit.score:.2f}")
    if route.locality:
        place = route.locality
        levels = (place.province, place.city, place.district, place.town, place.community)
        table.add_row("地点", " ".join(dict.fromkeys(filter(None, levels))) or "未定", f"{place.score:.2f}")
    if route.kind or route.urgency:
        table.add_row("性质", " ".join(filter(None, (route.kind, route.urgency))), "")
    reasons = "、".join(route.decision.reasons)
    action = "直接派单" if route.decision.action == "auto" else f"人工复核（{reasons}）"
    table.add_row("决定", action, f"{route.decision.confidence:.2f}")
    _console().print(table)


def _console() -> Console:
    """Where no terminal sets a width, nothing is cut off."""
    return Console(width=None if sys.stdout.isatty() else _WIDE, markup=False, highlight=False)


def _pairs(values: Sequence[str], option: str) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    for name, field in pairs.items():
        if not name or not field:
            raise ArgumentError(f"{option} {name}: write it as NAME=FIELD, such as department=department")
    return pairs


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a share between 0 and 1, such as 0.95")
    return share


def _at_least_one(value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from 1 up")
    return int(value)


if __name__ == "__main__":
    sys.exit(main())
