"""The command line: one function a command, and the only place that catches broadly.

Nothing heavy is imported before a command needs it, so that `seedbed --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.errors import InputError, SeedbedError

if TYPE_CHECKING:
    from seedbed.config import Job
    from seedbed.pipeline import Pipeline

_ABOUT = """Documents in, a fine-tuned adapter with its numbers out.

  seedbed init DIR                       a commented job file, and where to put documents
  seedbed plan JOB.yaml                  stages, calls, tokens and money to come
  seedbed generate JOB.yaml --preview 5  five records of each generator, and what the whole costs by them
  seedbed run JOB.yaml                   all of it; run it again to go on where it stopped
  seedbed show ID                        a record and its whole history"""

Command = Callable[[argparse.Namespace], None]


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Exit codes: 0 done, 2 bad input, 3 a limit was reached (resume by the same command)."""
    given = _parser().parse_args(argv)
    command: Command = given.command
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)
    try:
        command(given)
    except SeedbedError as error:
        print(f"seedbed: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        print("seedbed: stopped. Nothing is lost: the same command goes on from here", file=sys.stderr)
        return 128 + (signal.SIGTERM if stop.args else signal.SIGINT)  # as a shell counts them
    except BrokenPipeError:
        # Whoever read the output has gone. Nothing more is written, not even by Python's own flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # 128 + SIGPIPE, as a shell counts it
    except Exception as error:  # noqa: BLE001  the edge: whatever it is, say where the details are
        return _unexpected(error)
    return 0


def _terminated(number: int, frame: object) -> None:
    """A scheduler that ends a job is heeded like Ctrl-C: what was started is stopped too."""
    raise KeyboardInterrupt(number)


def _unexpected(error: Exception) -> int:
    import tempfile
    import traceback

    where = "nowhere, for the temporary folder cannot be written"
    with (
        suppress(OSError),
        tempfile.NamedTemporaryFile("w", prefix="seedbed-", suffix=".log", delete=False, encoding="utf-8") as log,
    ):
        log.write("".join(traceback.format_exception(error)))
        where = log.name
    print(
        f"seedbed: a fault of seedbed itself: {type(error).__name__}: {error}. Details: {where}. Everything finished "
        "so far is kept; please report this",
        file=sys.stderr,
    )
    return 1


def _parser() -> argparse.ArgumentParser:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="seedbed", description=_ABOUT, formatter_class=as_written)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Command, help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        sub.set_defaults(command=command)
        return sub

    run = add("run", _run, "run a job: documents to adapter and report")
    _job_flags(run)
    run.add_argument("--stop-after", default="", metavar="STAGE", help="end cleanly after this stage")
    _preview_flag(run)
    plan = add("plan", _plan, "what a job would do and cost, before anything is spent")
    _job_flags(plan)
    show = add("show", _show, "a record and its whole history, also of a rejected one")
    show.add_argument("id", help="a record's id, or the beginning of one")
    show.add_argument("--run", type=Path, help="the run directory (default: the newest under runs/)")

    ingest = add("ingest", _ingest, "documents to passages")
    ingest.add_argument("paths", nargs="+", help="documents, or folders of them")
    _stage_flags(ingest)
    data = "data files (JSONL of a stage, or any data set format)"
    generate = add("generate", _generate, "passages to records")
    generate.set_defaults(part="generate")
    generate.add_argument("data", nargs="+", help=f"{data}, or a job file: its generators alone")
    _stage_flags(generate, out_needed=False)
    _teacher_flags(generate)
    _preview_flag(generate)
    for name, help_ in (
        ("curate", "records to a data set"),
        ("train", "a data set to an adapter"),
        ("evaluate", "base against adapter on the test sets"),
    ):
        sub = add(name, _stage, help_)
        sub.set_defaults(part=name)
        sub.add_argument("data", nargs="*" if name == "curate" else "+", help=data)
        _stage_flags(sub)
        if name == "curate":
            what = "decide near duplicates anew: 0.6, or minhash=0.6; without data for the finished run in --out"
            sub.add_argument("--rethreshold", default="", metavar="T", help=what)
            what = "compare with what earlier runs kept, and add to it (a folder, or redis://HOST)"
            sub.add_argument("--against", default="", metavar="INDEX", help=what)
        if name in ("train", "evaluate"):
            sub.add_argument("--student", default="", help="model name, folder, hub name or path:FILE.gguf")
        if name == "evaluate":
            sub.add_argument("--adapter", default="", help="folder of the adapter")
    export = add("export", _export, "write a data set in other formats")
    export.add_argument("data", nargs="+", help="data files")
    export.add_argument("--formats", default="alpaca,sharegpt,messages", help="comma separated (default: %(default)s)")
    export.add_argument("--out", type=Path, required=True, help="run directory to write")
    export.set_defaults(config=None)
    report = add("report", _report, "make the report of a run anew, or compare two runs")
    report.add_argument("run", type=Path, nargs="?", help="run directory")
    both = "two runs beside each other, the earlier one first"
    report.add_argument("--compare", type=Path, nargs=2, metavar=("RUN1", "RUN2"), help=both)
    report.add_argument("--language", choices=["auto", "en", "zh"], help="of the page (default: the run's own)")
    report.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: RUN/report, RUN2/compare)")

    _prompt_commands(add("prompts", _prompts, "the teacher's prompts: to read, and to replace with your own"))
    models = add("models", _models, "models that seedbed can fetch")
    models.add_argument("action", choices=["list", "pull"])
    models.add_argument("name", nargs="?", default="")
    init = add("init", _init, "a folder with a commented job to start from")
    init.add_argument("folder", type=Path)
    add("doctor", _doctor, "what this machine can run, and what is missing")
    return parser


def _prompt_commands(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    list_ = actions.add_parser("list", help="every prompt: language, group, hash, stage and variables")
    show = actions.add_parser("show", help="one prompt as it is")
    show.add_argument("name", help="as `seedbed prompts list` has it: zh/doc_qa/pair")
    for sub in (list_, show):
        sub.add_argument("--job", type=Path, metavar="JOB.yaml", help="with the job's own prompts, where it has any")
    eject = actions.add_parser("eject", help="copy prompts into a folder of yours")
    eject.add_argument("folder", type=Path, metavar="DIR")
    eject.add_argument("--group", default="", help="only this group (doc_qa, say)")
    eject.add_argument("--language", default="", help="only en or zh")
    eject.add_argument("--force", action="store_true", help="write over files that differ")


def _job_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", type=Path, help="job file (YAML)")
    parser.add_argument("--documents", default="", metavar="DIR", help="documents instead of those in the job")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run directory")
    _teacher_flags(parser)


def _teacher_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", default="", metavar="URL", help="an OpenAI-compatible endpoint")
    parser.add_argument("--model", default="", metavar="NAME", help="the teacher's model; key from the job's key_env")
    parser.add_argument("--limit", type=int, metavar="N", help="accepted records to aim for")


def _preview_flag(parser: argparse.ArgumentParser) -> None:
    what = "show N records of each generator and what the whole would cost by them, then stop"
    parser.add_argument("--preview", type=int, metavar="N", help=what)


def _stage_flags(parser: argparse.ArgumentParser, *, out_needed: bool = True) -> None:
    parser.add_argument("--config", type=Path, help="job file to take this part's options from")
    parser.add_argument("--out", type=Path, required=out_needed, help="run directory to write")


def _job(given: argparse.Namespace) -> Job:
    """The job file with the flags put over it. Flags are relative to the current folder, the job's paths to the job."""
    from seedbed import config

    job = config.load(given.job)
    changes = _teacher_changes(given, job.raw)
    if documents := getattr(given, "documents", ""):
        old = job.raw.get("documents")
        kept = {key: value for key, value in old.items() if key != "database"} if isinstance(old, dict) else {}
        changes |= {"documents": kept | {"paths": [str(Path(documents).resolve())]}, "records": None}
    if given.out:
        changes["out"] = str(given.out.resolve())
    raw = {key: value for key, value in (job.raw | changes).items() if value is not None}
    return config.build(job.path, raw, job.lines)


def _teacher_changes(given: argparse.Namespace, raw: dict[str, Any]) -> dict[str, Any]:
    """The parts of a job that --teacher, --model and --limit put in the place of those in `raw`."""
    changes: dict[str, Any] = {}
    if given.teacher or given.model:
        teacher = dict(raw.get("teacher") or {})
        if given.teacher:
            teacher = {name: value for name, value in teacher.items() if name != "endpoints"} | {"url": given.teacher}
        teacher |= {"model": _model(given.model)} if given.model else {}
        if given.model.startswith(_OWN) and not given.teacher:
            for name in ("url", "endpoints"):  # seedbed brings this model itself: it is not behind the job's endpoint
                teacher.pop(name, None)
        changes["teacher"] = teacher
    if given.limit is not None:
        changes["generate"] = [_with_target(item, given.limit) for item in raw.get("generate") or []]
    return changes


# Teachers that need no endpoint.
_OWN = ("embedded", "path:", "scripted:")


def _model(name: str) -> str:
    """A model as the job would name it; a file given here is relative to the current folder."""
    kind, _, path = name.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if kind in ("path", "scripted") and path else name


def _with_target(item: Any, target: int) -> Any:
    """The generator `item` with another target; one that has none, or that makes no sense, stays as it is."""
    from seedbed.stages import STAGES

    name, options = (item, {}) if isinstance(item, str) else next(iter(item.items()), ("", 0))
    if name not in STAGES or "target" not in STAGES[name].options.__struct_fields__:
        return item
    return {name: (options or {}) | {"target": target}} if isinstance(options, dict | None) else item


def _run(given: argparse.Namespace) -> None:
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal

    pipeline = Pipeline(_job(given))
    if given.preview is not None:
        if given.stop_after:
            raise InputError("stops before anything is run", where="--preview", next_step="Leave out --stop-after")
        _preview(pipeline, given.preview)
        return
    steps = pipeline.execute(given.stop_after, for_terminal())
    last = steps[-1]
    print(f"Done: {pipeline.run.path}")
    if (page := last.folder / "report.html").is_file():
        print(f"Report: {page}")


def _preview(pipeline: Pipeline, count: int) -> None:
    from seedbed.preview import preview
    from seedbed.progress import for_terminal

    for line in preview(pipeline, count, for_terminal()):
        print(line, flush=True)


def _plan(given: argparse.Namespace) -> None:
    from seedbed.pipeline import Pipeline
    from seedbed.planning import describe

    for line in describe(Pipeline(_job(given))):
        print(line)


def _show(given: argparse.Namespace) -> None:
    from datagen.teacher.journal import Journal
    from seedbed.show import describe, newest_run

    run = given.run or newest_run()
    path = run / "journal.sqlite"
    with Journal(path, read_only=True) if path.is_file() else nullcontext() as journal:
        for line in describe(run, given.id, journal.row if journal else None):
            print(line)


def _ingest(given: argparse.Namespace) -> None:
    _execute(given, {"documents": {"paths": [str(Path(p).resolve()) for p in given.paths]}}, ("documents",))


def _generate(given: argparse.Namespace) -> None:
    """Data files to records, as every stage alone; or the generators of a job, up to the last of them."""
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal

    if Path(given.data[0]).suffix.lower() not in (".yaml", ".yml"):
        if given.out is None:
            raise InputError("name the run directory to write", where="generate", next_step="Add --out DIR")
        _stage(given)
        return
    if len(given.data) > 1 or given.config:
        raise InputError("a job file stands alone", where=given.data[0], next_step="It names its own data and options")
    given.job = Path(given.data[0])
    pipeline = Pipeline(_job(given), report=False)
    if given.preview is not None:
        _preview(pipeline, given.preview)
        return
    last = [step.name for step in pipeline.plan() if step.stage.group == "generate"]
    if not last:
        raise InputError("has no generator", where=given.data[0], next_step="Add one to `generate:`")
    pipeline.execute(last[-1], for_terminal())
    print(f"Done: {pipeline.run.path}")


def _stage(given: argparse.Namespace) -> None:
    part: str = given.part
    if not given.data:
        _redecide(given)
        return
    raw: dict[str, Any] = {"records": [str(Path(p).resolve()) for p in given.data]}
    defaults: dict[str, Any] = {
        "generate": ["doc_qa"],
        "train": {},
        "evaluate": {},
        "curate": ["clean", "rules", "exact", "rouge", "split", "mix", "export"],
    }
    options = {name: value for name in ("student", "adapter") if (value := getattr(given, name, ""))}
    if "adapter" in options:
        options["adapter"] = str(Path(options["adapter"]).resolve())
    raw[part] = defaults[part] | options if options else defaults[part]
    asks = ("teacher", "limits", "prompts")  # generators and some curators ask a teacher
    keep = (part, *asks) if part in ("generate", "curate") else (part,)
    _execute(given, raw, keep, options)


def _redecide(given: argparse.Namespace) -> None:
    """Another threshold for a run that is finished, as far as its curators go."""
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal
    from seedbed.redeciding import finished

    if not given.rethreshold:
        next_step = "Name data files, or a new threshold for the run in --out: --rethreshold 0.6"
        raise InputError("names no data", where="curate", next_step=next_step)
    before = finished(given.out)
    job = _near_flags(given, before.job)
    pipeline = Pipeline(job, before.run.path, report=before.plan()[-1].stage.name == "report")
    last = [step.name for step in pipeline.plan() if step.stage.group == "curate"][-1]
    pipeline.execute(last, for_terminal())
    print(f"Done: {pipeline.run.path}. To keep it, write the threshold into the job")


def _near_flags(given: argparse.Namespace, job: Job) -> Job:
    """The job with --rethreshold and --against put over it."""
    from seedbed.redeciding import against, rethresholded

    if given.rethreshold:
        job, notes = rethresholded(job, given.rethreshold, given.out)
        for note in notes:
            print(note)
    if not given.against:
        return job
    remote = given.against.startswith(("redis://", "rediss://"))
    return against(job, given.against if remote else str(Path(given.against).expanduser().resolve()))


def _export(given: argparse.Namespace) -> None:
    formats = [name.strip() for name in given.formats.split(",")]
    raw = {"records": [str(Path(p).resolve()) for p in given.data], "curate": [{"export": {"formats": formats}}]}
    _execute(given, raw, ())


def _execute(
    given: argparse.Namespace, raw: dict[str, Any], keep: tuple[str, ...], flags: dict[str, Any] | None = None
) -> None:
    """A job of one part: its own input and `raw`, with the parts in `keep` taken from --config where it has them."""
    from seedbed import config
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal

    base, lines = Path.cwd() / "(command line)", {}
    if given.config:
        job = config.load(given.config)
        base, lines = job.path, job.lines
        for key in ("seed", *keep):
            if key in job.raw and key != "documents":
                raw[key] = job.raw[key] | (flags or {}) if isinstance(job.raw[key], dict) and flags else job.raw[key]
            elif key == "documents" and isinstance(job.raw.get(key), dict):
                raw[key] = {k: v for k, v in job.raw[key].items() if k not in ("paths", "database")} | raw[key]
    if "generate" in raw:
        raw |= _teacher_changes(given, raw)
    job = config.build(base, raw, lines)
    if "curate" in keep:
        job = _near_flags(given, job)
    pipeline = Pipeline(job, given.out.resolve(), report=False)
    if getattr(given, "preview", None) is not None:
        _preview(pipeline, given.preview)
        return
    pipeline.execute("", for_terminal())
    print(f"Done: {pipeline.run.path}")


def _report(given: argparse.Namespace) -> None:
    from curate.report import build

    if (given.run is None) == (given.compare is None):
        step = "seedbed report RUN, or seedbed report --compare RUN1 RUN2"
        raise InputError("name one run, or two to compare", where="report", next_step=step)
    if given.compare:
        from curate.report.compare import build as compare

        first, second = given.compare
        print(f"Comparison: {compare(first, second, given.out or second / 'compare', given.language or 'auto')}")
        return
    options = build.of_job(given.run, given.language)
    print(f"Report: {build.build(given.run, given.out or given.run / 'report', options)}")


def _prompts(given: argparse.Namespace) -> None:
    from seedbed import config, own_prompts
    from seedbed.pipeline import Pipeline

    if given.action == "eject":
        lines = own_prompts.eject(given.folder, given.group, given.language, force=given.force)
    else:
        folder = Pipeline(config.load(given.job)).prompts if given.job else None
        if given.action == "show":
            sys.stdout.write(own_prompts.text(given.name, folder))
            return
        lines = own_prompts.listed(folder)
    for line in lines:
        print(line)


def _models(given: argparse.Namespace) -> None:
    from seedbed import models
    from seedbed.progress import for_terminal

    if given.action == "list":
        for model in models.CATALOGUE:
            state = "here" if models.path(model.name) else f"{model.bytes / 1e6:.0f} MB to fetch"
            print(f"{model.name:32} {model.role:10} {model.licence:12} {state}")
        return
    if not given.name:
        raise InputError("no model is named", where="models pull", next_step="`seedbed models list` shows their names")
    progress = for_terminal()
    progress.begin(f"pull {given.name}")
    try:
        path = models.pull(given.name, progress)
    finally:
        progress.end()
    print(path)


def _init(given: argparse.Namespace) -> None:
    from seedbed.setup import init

    for line in init(given.folder):
        print(line)


def _doctor(given: argparse.Namespace) -> None:
    from seedbed.setup import doctor

    for line in doctor():
        print(line)


if __name__ == "__main__":
    sys.exit(main())
