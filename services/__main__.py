"""`renshod`: the server's command line. Thin: each command reads the settings and calls one thing.

Exit codes: 0 done, 1 failed (or a problem was found), 2 wrong usage, could not run, or not in this
version, 3 refused for safety (do not restart), 4 another process holds the log's lock.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError

from services import doctor as doctoring
from services import everything, processes
from services import fsck as checking
from services import invite as inviting
from services.kit import clock, embedded, keyfiles, log
from services.kit.settings import SERVICES, Settings, load
from services.migrate import migrate as run_migrations
from services.parts import databases

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
app = typer.Typer(
    name="renshod", help=__doc__, no_args_is_help=True, pretty_exceptions_show_locals=False
)
keys_app = typer.Typer(help="The deployment's private keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}, or all.")]
SidePort = Annotated[
    int | None, typer.Option("--port", help="Show /healthz, /readyz and /metrics here.")
]
_NOT_YET = "is not in this version"


def _fail(text: str, code: int = 1) -> NoReturn:
    err.print(f"[red]renshod:[/red] {escape(text)}")
    raise typer.Exit(code)


def _settings(level: int = logging.INFO) -> Settings:
    try:
        settings = load()
        clock.configure(settings.clock)
    except ValidationError as why:
        _fail("; ".join(f"{e['loc'] or 'settings'}: {e['msg']}" for e in why.errors()), 2)
    except (OSError, ValueError) as why:
        _fail(str(why), 2)
    log.configure(level=level)
    return settings


def _services(service: str) -> tuple[str, ...]:
    if service == "all":
        return SERVICES
    if service not in SERVICES:
        _fail(f"{service}: no such service; one of {', '.join(SERVICES)}, or all", 2)
    return (service,)


@contextmanager
def _plain_failures() -> Iterator[None]:
    """Turn what an operator can mend into one line instead of a traceback."""
    try:
        yield
    except processes.NeedsBroker as why:
        _fail(str(why), 2)
    except (
        processes.StartFailed,
        everything.AlreadyRunning,
        embedded.Unreachable,
        keyfiles.UnsafeKeys,
        inviting.Uninvitable,
        LookupError,
    ) as why:
        _fail(str(why))
    except DBAPIError as why:
        _fail(f"the database: {str(why.orig).strip()}")


@contextmanager
def _progress(first: str) -> Iterator[everything.Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(first)
        yield lambda text: bar.update(task, description=text)


@app.command()
def up() -> None:
    """Run everything on this machine, on one port, until Ctrl-C."""
    settings = _settings(logging.WARNING)
    stop = processes.stop_on_signal()
    with _plain_failures(), ExitStack() as held:
        with _progress("starting") as say:
            system = held.enter_context(everything.running(settings, say))
        _print_places(system)
        while not stop.wait(0.2) and not system.failed.is_set():
            pass
        refused = system.failed.is_set()
    if refused:
        _fail("a part refused to go on: see the log lines above", processes.REFUSED)


def _print_places(system: everything.Running) -> None:
    settings = system.settings
    out.print(f"API docs     {settings.base_url}/docs")
    out.print(f"Data folder  {settings.data_dir} ({system.database})")
    out.print(f"Keys folder  {settings.keys}")
    mail = "sent to RENSHO_SMTP_URL" if settings.smtp_url else settings.mail_dir
    out.print(f"Mails        {mail}")
    out.print("First organization: renshod invite NAME MAILBOX. Ctrl-C stops everything.")


@app.command()
def demo(
    suppliers: Annotated[int, typer.Option(min=1, help="How many suppliers.")] = 40,
    tiers: Annotated[int, typer.Option(min=1, max=8, help="How many tiers.")] = 3,
    seed: Annotated[int, typer.Option(help="Equal seeds tell equal stories.")] = 7,
    out_dir: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("demo-out"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Play the whole main job on a fresh system: ask, answer, sign, log, judge, verify offline."""
    from services import demo as story  # noqa: PLC0415 (only this command needs the story)
    from services.demo.cast import REQUESTER  # noqa: PLC0415

    settings = _demo_settings(_settings(logging.WARNING))
    # So that a polite kill takes the embedded parts down too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _plain_failures(), everything.running(settings) as system:
        link, code = inviting.first(system.settings, REQUESTER.name, REQUESTER.mailbox)
        options = story.Options(
            where=story.Where(f"http://127.0.0.1:{system.settings.port}"),
            link=link,
            code=code,
            suppliers=suppliers,
            tiers=tiers,
            seed=seed,
            out=out_dir,
            json=as_json,
        )
        result = story.run(options)
    err.print(f"Data folder: {settings.data_dir}")
    raise typer.Exit(result)


def _demo_settings(settings: Settings) -> Settings:
    """A fresh data folder and a free port, unless the environment names them."""
    told = settings.model_fields_set
    changes: dict[str, object] = {}
    if "data_dir" not in told:
        # Beside, not below, the 0700 folder that mkdtemp makes: the embedded server runs as
        # another user when we are root.
        folder = Path(tempfile.mkdtemp(prefix="rensho-demo-"))
        folder.chmod(0o755)
        changes["data_dir"] = folder / "data"
    if "port" not in told:
        changes["port"] = 0
    return settings.model_copy(update=changes)


@app.command()
def web(
    service: Service, port: Annotated[int | None, typer.Option(help="Default: RENSHO_PORT.")] = None
) -> None:
    """Serve the HTTP API of one service, or of all, on one port."""
    settings = _settings()
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    with _plain_failures():
        processes.web(settings, _services(service))


@app.command()
def worker(
    service: Service,
    concurrency: Annotated[int, typer.Option(min=1, help="Child processes.")] = 2,
    port: SidePort = None,
) -> None:
    """Handle the events that one service, or all, are told."""
    with _plain_failures():
        processes.worker(_settings(), _services(service), concurrency, port)


@app.command()
def relay(port: SidePort = None) -> None:
    """Carry events from the outboxes to the queues."""
    with _plain_failures():
        processes.relay(_settings(), port)


@app.command()
def sequencer(
    port: SidePort = None, parent: Annotated[int | None, typer.Option(hidden=True)] = None
) -> None:
    """Write the transparency log; only one may run. Exits 3 if it refuses, 4 if another runs."""
    # As a child it shares its parent's terminal and says only what goes wrong.
    level = logging.INFO if parent is None else logging.WARNING
    with _plain_failures():
        raise typer.Exit(processes.sequencer(_settings(level), port, parent))


@app.command()
def beat(port: SidePort = None) -> None:
    """Start the work that is due by the clock: nightly snapshots, clean-up."""
    with _plain_failures():
        processes.beat(_settings(), port)


@app.command()
def migrate() -> None:
    """Bring roles, schemas, tables, grants and policies of all services up to date."""
    settings = _settings(logging.WARNING)
    with (
        _plain_failures(),
        _progress("bringing the database up to date"),
        everything.database(settings) as reachable,
    ):
        run_migrations(reachable)
    out.print("the database is up to date")


@keys_app.command("init")
def keys_init() -> None:
    """Make the keys that are missing (0600), outside the database and its backup."""
    settings = _settings(logging.WARNING)
    made = keyfiles.init(settings)
    out.print(f"made {', '.join(made)} in {settings.keys}" if made else "all keys exist already")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The organization's name.")],
    mailbox: Annotated[str, typer.Argument(help="The mailbox of its first member.")],
) -> None:
    """Invite the first organization; prints its link and one-use code (10 minutes)."""
    settings = _settings(logging.WARNING)
    with _plain_failures(), everything.database(settings) as reachable:
        link, code = inviting.first(reachable, name, mailbox)
    out.print(f"link {link}")
    out.print(f"code {code}")


@app.command()
def doctor() -> None:
    """Look at everything this deployment needs; exit 1 if something is to be done."""
    settings = _settings(logging.ERROR)
    problems = 0
    with _plain_failures(), everything.database(settings) as reachable:
        for finding in doctoring.examine(reachable):
            problems += not finding.ok
            mark = "[green]ok     [/green]" if finding.ok else "[red]problem[/red]"
            advice = f" → {finding.advice}" if finding.advice else ""
            out.print(f"{mark} {finding.name}: {escape(finding.seen + advice)}")
    raise typer.Exit(1 if problems else 0)


@app.command()
def fsck(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check the log from its bytes up and that every event has its effect.

    Exit 0 clean, 1 damage found and located, 2 could not run.
    """
    settings = _settings(logging.ERROR)
    try:
        with (
            everything.database(settings) as reachable,
            databases(reachable, "worker") as opened,
            _progress("checking") as say,
        ):
            report = checking.check(reachable, opened, say)
    except Exception as why:  # noqa: BLE001 (whatever stopped it, it could not run)
        _fail(f"fsck could not run: {why}", 2)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False) + "\n")
    else:
        for found in report.damage:
            out.print(
                escape(f"damage in {found.service}: {found.kind} at {found.where}: {found.what}")
            )
        out.print(
            f"{report.events} events looked at, {report.on_the_way} still on their way, "
            f"{len(report.damage)} damaged"
        )
    raise typer.Exit(1 if report.damage else 0)


def _not_yet(name: str, what: str) -> None:
    def command() -> None:
        _fail(f"{name} {_NOT_YET}", 2)

    app.command(name, help=f"{what} Not in this version: exits 2.")(command)


_not_yet("witness", "Cosign checkpoints of a log as an outside observer.")
_not_yet("replay-events", "Send recorded events again to a rebuilt consumer.")


def _not_yet_with_file(name: str, what: str) -> None:
    def command(file: Path) -> None:
        _fail(f"{name} {file} {_NOT_YET}", 2)

    app.command(name, help=f"{what} Not in this version: exits 2.")(command)


_not_yet_with_file("backup", "Write a backup that can be restored and checked.")
_not_yet_with_file("restore", "Restore a backup into an empty database.")


def main() -> None:
    """Run the command line (the console script `renshod`)."""
    app()


if __name__ == "__main__":
    main()
