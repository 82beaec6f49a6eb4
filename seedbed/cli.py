"""The command line: what can be typed, and the only place that catches broadly. What a command does: commands*.py.

Nothing heavy is imported before a command needs it, so that `seedbed --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from seedbed import commands, commands_train
from seedbed.errors import SeedbedError

_ABOUT = """Documents in, a fine-tuned adapter with its numbers out.

  seedbed init DIR                       a commented job file, and where to put documents
  seedbed plan JOB.yaml                  stages, calls, tokens and money to come
  seedbed generate JOB.yaml --preview 5  five records of each generator, and what the whole costs by them
  seedbed run JOB.yaml                   all of it; run it again to go on where it stopped
  seedbed show ID                        a record and its whole history"""

Command = Callable[[argparse.Namespace], None]
Add = Callable[[str, Command, str], argparse.ArgumentParser]


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
        return _unexpected(error, _job_of(given))
    return 0


def _terminated(number: int, frame: object) -> None:
    """A scheduler that ends a job is heeded like Ctrl-C: what was started is stopped too."""
    raise KeyboardInterrupt(number)


def _job_of(given: argparse.Namespace) -> Path | None:
    """The job file among what was typed, if there is one."""
    typed = [getattr(given, "job", None), getattr(given, "config", None), *(getattr(given, "data", None) or ())]
    return next((Path(path) for path in typed if path and Path(path).suffix in (".yaml", ".yml")), None)


def _unexpected(error: Exception, job: Path | None) -> int:
    import tempfile
    import traceback

    from seedbed.scrub import scrubbed

    where = "nowhere, for the temporary folder cannot be written"
    with (
        suppress(OSError),
        tempfile.NamedTemporaryFile("w", prefix="seedbed-", suffix=".log", delete=False, encoding="utf-8") as log,
    ):
        log.write(scrubbed("".join(traceback.format_exception(error)), job))
        where = log.name
    print(
        f"seedbed: a fault of seedbed itself: {scrubbed(f'{type(error).__name__}: {error}', job)}. Details: {where}. "
        "Everything finished so far is kept; please report this",
        file=sys.stderr,
    )
    return 1


def _parser() -> argparse.ArgumentParser:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="seedbed", description=_ABOUT, formatter_class=as_written)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Command, help_: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=help_, description=help_)
        sub.set_defaults(command=command)
        return sub

    _job_commands(add)
    _stage_commands(add)
    _speaking_commands(add)
    _after_commands(add)
    _other_commands(add)
    return parser


def _job_commands(add: Add) -> None:
    run = add("run", commands.run, "run a job: documents to adapter and report")
    _job_flags(run)
    run.add_argument("--stop-after", default="", metavar="STAGE", help="end cleanly after this stage")
    _preview_flag(run)
    plan = add("plan", commands.plan, "what a job would do and cost, before anything is spent")
    _job_flags(plan)
    show = add("show", commands.show, "a record and its whole history, also of a rejected one")
    show.add_argument("id", help="a record's id, or the beginning of one")
    show.add_argument("--run", type=Path, help="the run directory (default: the newest under runs/)")


def _stage_commands(add: Add) -> None:
    ingest = add("ingest", commands.ingest, "documents to passages")
    ingest.add_argument("paths", nargs="+", help="documents, or folders of them")
    _stage_flags(ingest)
    data = "data files (JSONL of a stage, or any data set format)"
    generate = add("generate", commands.generate, "passages to records")
    generate.set_defaults(part="generate")
    generate.add_argument("data", nargs="+", help=f"{data}, or a job file: its generators alone")
    _stage_flags(generate, out_needed=False)
    _teacher_flags(generate)
    _preview_flag(generate)
    _train_flags(add("train", commands_train.train, "a data set to an adapter, or to a tuned model"), data)
    for name, help_ in (("curate", "records to a data set"), ("evaluate", "base against adapter on the test sets")):
        sub = add(name, commands.stage, help_)
        sub.set_defaults(part=name)
        sub.add_argument("data", nargs="*" if name == "curate" else "+", help=data)
        _stage_flags(sub)
        if name == "curate":
            what = "decide near duplicates anew: 0.6, or minhash=0.6; without data for the finished run in --out"
            sub.add_argument("--rethreshold", default="", metavar="T", help=what)
            what = "compare with what earlier runs kept, and add to it (a folder, or redis://HOST)"
            sub.add_argument("--against", default="", metavar="INDEX", help=what)
            _curate_flags(sub)
        if name == "evaluate":
            _evaluate_flags(sub)
    export = add("export", commands.export, "write a data set in other formats")
    export.add_argument("data", nargs="+", help="data files")
    export.add_argument("--formats", default="alpaca,sharegpt,messages", help="comma separated (default: %(default)s)")
    export.add_argument("--out", type=Path, required=True, help="run directory to write")
    export.set_defaults(config=None)


def _speaking_commands(add: Add) -> None:
    _speaking_flags(add("chat", commands_train.chat, "talk with a trained student, and with its base beside it"))
    serve = add("serve", commands_train.serve, "answer as OpenAI's API does: models `tuned` and `base`")
    _speaking_flags(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="0: any that is free (default: %(default)s)")


def _other_commands(add: Add) -> None:
    report = add("report", commands.report, "make the report of a run anew, or compare two runs")
    report.add_argument("run", type=Path, nargs="?", help="run directory")
    both = "two runs beside each other, the earlier one first"
    report.add_argument("--compare", type=Path, nargs=2, metavar=("RUN1", "RUN2"), help=both)
    report.add_argument("--language", choices=["auto", "en", "zh"], help="of the page (default: the run's own)")
    report.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: RUN/report, RUN2/compare)")

    _prompt_commands(add("prompts", commands.prompts, "the teacher's prompts: to read, and to replace with your own"))
    models = add("models", commands.models, "models that seedbed can fetch")
    models.add_argument("action", choices=["list", "pull"])
    models.add_argument("name", nargs="?", default="")
    init = add("init", commands.init, "a folder with a commented job to start from")
    init.add_argument("folder", type=Path)
    add("doctor", commands.doctor, "what this machine can run, and what is missing")


def _after_commands(add: Add) -> None:
    """What is made of a finished training."""
    merge = add("merge", commands_train.merge, "add a run's adapter into its base: a model that needs no adapter")
    gguf = add("gguf", commands_train.gguf, "a run's model as a GGUF file for llama.cpp and Ollama, with a Modelfile")
    for sub in (merge, gguf):
        sub.add_argument("run", type=Path, help="a run, the folder of its training, or an adapter")
        what = "dequantised: the base as it was trained on (default); original: its 16-bit weights"
        sub.add_argument("--into", default="dequantised", metavar="BASE", help=what)
        sub.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: beside the adapter)")
        sub.add_argument("--student", default="", help="the base, where nothing beside the adapter names it")
    types = "f32, f16, bf16, q8_0, q5_1, q5_0, q4_1 or q4_0 (default: %(default)s)"
    gguf.add_argument("--type", default="q8_0", metavar="TYPE", help=types)
    gguf.add_argument("--adapter", action="store_true", help="the adapter and its base, each as a file of its own")
    what = "compare tokens, loss and answers in llama.cpp with those of the model"
    gguf.add_argument("--check", action="store_true", help=what)


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


def _teacher_flags(parser: argparse.ArgumentParser, *, limited: bool = True) -> None:
    parser.add_argument("--teacher", default="", metavar="URL", help="an OpenAI-compatible endpoint")
    parser.add_argument("--model", default="", metavar="NAME", help="the teacher's model; key from the job's key_env")
    if limited:
        parser.add_argument("--limit", type=int, metavar="N", help="accepted records to aim for")


def _preview_flag(parser: argparse.ArgumentParser) -> None:
    what = "show N records of each generator and what the whole would cost by them, then stop"
    parser.add_argument("--preview", type=int, metavar="N", help=what)


def _train_flags(parser: argparse.ArgumentParser, data: str) -> None:
    parser.add_argument("data", nargs="+", help=f"{data}, or a job file: as far as its training")
    what = "a name of `seedbed models list`, a folder, a hub name, or path:FILE.gguf"
    parser.add_argument("--model", "--student", dest="student", default="", metavar="NAME_OR_PATH", help=what)
    parser.add_argument("--format", default="", metavar="NAME", help="what the rows are, if not to be recognised")
    parser.add_argument("--method", default="", help="qlora, lora, full or prompt_tuning (default: qlora)")
    parser.add_argument("--objective", default="", help="sft, dpo or pretrain (default: sft)")
    parser.add_argument("--from", default="", metavar="RUN", help="go on with the adapter of a run, or in a folder")
    parser.add_argument("--epochs", type=int, metavar="N", help="how often each record is learned (default: 3)")
    parser.add_argument("--learning-rate", type=float, metavar="R", help="default: the usual one of the method")
    parser.add_argument("--check", action="store_true", help="the checks alone; exit code 2 where one is an error")
    parser.add_argument("--show", type=int, metavar="N", help="N examples with the learned tokens marked, no training")
    what = "with --show: are the prompts' token ids those with which llama.cpp's server there asks the model?"
    parser.add_argument("--served", default="", metavar="URL", help=what)
    what = "train the small ladder: mix=0,0.05,0.1,0.3 (share of general data), learning_rate=…, rank=…"
    parser.add_argument("--sweep", default="", metavar="KEY=V,V,…", help=what)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="trainings of each value of a sweep")
    what = "write out what trains this on N GPUs (default: those that are here), and train nothing"
    parser.add_argument("--launch", type=int, nargs="?", const=0, metavar="N", help=what)
    _stage_flags(parser, out_needed=False)


def _speaking_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="a run, an adapter, or a folder with a (merged) model")
    parser.add_argument("--student", default="", help="the adapter's base, where nothing beside it tells")
    parser.add_argument("--threads", type=int, default=0, help="cores; 0: all")
    if parser.prog.endswith("chat"):
        parser.add_argument("--both", action="store_true", help="base and tuned answer side by side")
        parser.add_argument("--temperature", type=float, default=0.0, help="0: always the likeliest word")
        parser.add_argument("--max-tokens", type=int, default=512, help="of an answer (default: %(default)s)")


def _curate_flags(parser: argparse.ArgumentParser) -> None:
    formats = "alpaca, sharegpt, messages, preference, text or record; else each row's is recognised"
    parser.add_argument("--format", default="", metavar="NAME", help=f"what the rows are: {formats}")
    parser.add_argument("--plan", action="store_true", help="say what would be read and done, and do nothing")
    parser.add_argument("--stop-after", default="", metavar="STAGE", help="end cleanly after this stage")
    parser.add_argument("--processes", type=int, default=0, metavar="N", help="at most so many (default: all cores)")


def _evaluate_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--student", default="", help="model name, folder, hub name or path:FILE.gguf")
    parser.add_argument("--adapter", default="", help="a run, the folder of its training, or an adapter")
    parser.add_argument("--also", default="", metavar="NAMES", help="further models: merged,gguf or paths")
    parser.add_argument("--tasks", default="", metavar="NAMES", help="tasks of lm-eval, comma separated")
    parser.add_argument("--tasks-folder", default="", metavar="DIR", help="a folder with tasks of your own")
    parser.add_argument("--judge", action="store_true", help="the teacher compares the answers of both models")
    _teacher_flags(parser, limited=False)


def _stage_flags(parser: argparse.ArgumentParser, *, out_needed: bool = True) -> None:
    parser.add_argument("--config", type=Path, help="job file to take this part's options from")
    parser.add_argument("--out", type=Path, required=out_needed, help="run directory to write")


if __name__ == "__main__":
    sys.exit(main())
