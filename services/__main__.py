"""`renshod`: the server's command line. Thin: each command reads the settings and calls one thing.

Exit codes: 0 done, 1 failed (or a problem was found), 2 wrong usage or could not run, 3 refused for
safety (do not restart), 4 another process holds the log's lock.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from services import doctor as doctoring
from services import (
    everything,
    keeping_commands,
    log_commands,
    neighbours,
    processes,
    showing,
    signing_keys,
)
from services import fsck as checking
from services import invite as inviting
from services import witness as witnessing
from services.kit import keyfiles
from services.kit.settings import Settings
from services.migrate import migrate as run_migrations
from services.parts import databases
from services.terminal import (
    PORTAL,
    Service,
    WebService,
    err,
    fail,
    out,
    plain_failures,
    progress,
    read_settings,
    services_of,
)

app = typer.Typer(
    name="renshod", help=__doc__, no_args_is_help=True, pretty_exceptions_show_locals=False
)
keys_app = typer.Typer(help="The deployment's private keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(log_commands.app, name="log")
app.add_typer(signing_keys.app, name="signing-keys")

SidePort = Annotated[
    int | None, typer.Option("--port", help="Show /healthz, /readyz and /metrics here.")
]


@app.command()
def up(
    example: Annotated[
        bool, typer.Option("--example", help="Tell a small story first, with fictional firms.")
    ] = False,
) -> None:
    """Run everything on this machine, on one port, until Ctrl-C."""
    settings = _with_mail_viewer(read_settings(logging.WARNING))
    stop = processes.stop_on_signal()
    with plain_failures(), ExitStack() as held:
        with progress("starting") as say:
            system = held.enter_context(everything.running(settings, say))
            places = showing.example(system.settings, say) if example else None
        _print_places(system, places)
        while not stop.wait(0.2) and not system.failed.is_set():
            pass
        refused = system.failed.is_set()
    if refused:
        fail("a part refused to go on: see the log lines above", processes.REFUSED)


def _with_mail_viewer(settings: Settings) -> Settings:
    """Show the folder of mails where no server takes them, so that a demo has its codes."""
    shown = settings.env == "demo" and settings.smtp_url is None
    return settings.model_copy(update={"mail_viewer": shown})


def _print_places(system: everything.Running, places: showing.Places | None) -> None:
    settings = system.settings
    out.print(f"Console      {places.console if places else settings.base_url + '/login'}")
    if places:
        out.print(f"A supplier   {places.supplier}")
    if settings.mail_viewer:
        out.print(f"Mail viewer  {settings.base_url}/mails (codes arrive here)")
    out.print(f"API docs     {settings.base_url}/docs")
    out.print(f"Data folder  {settings.data_dir} ({system.database})")
    out.print(f"Keys folder  {settings.keys}")
    mail = "sent to RENSHO_SMTP_URL" if settings.smtp_url else settings.mail_dir
    out.print(f"Mails        {mail}")
    if not places:
        out.print("First organization: renshod invite NAME MAILBOX")
    out.print("Ctrl-C stops everything.")


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
    from services.synthetic import story as synthetic  # noqa: PLC0415

    settings = _demo_settings(read_settings(logging.WARNING))
    # So that a polite kill takes the embedded parts down too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        plain_failures(),
        neighbours.around(settings) as settings,
        everything.running(settings) as system,
    ):
        link, code = inviting.first(system.settings, REQUESTER.name, REQUESTER.mailbox)
        if suppliers > synthetic.ABOVE:
            told = synthetic.Options(link, code, suppliers, tiers, seed, out_dir, as_json)
            raise typer.Exit(synthetic.run(system.settings, told))
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
    service: WebService,
    port: Annotated[int | None, typer.Option(help="Default: RENSHO_PORT.")] = None,
) -> None:
    """Serve the HTTP API of one service, the pages (`portal`), or all of it, on one port."""
    settings = read_settings()
    if port is not None:
        settings = settings.model_copy(update={"port": port})
    with plain_failures():
        if service == PORTAL:
            processes.web_portal(settings)
        else:
            processes.web(settings, services_of(service), with_pages=service == "all")


@app.command()
def worker(
    service: Service,
    concurrency: Annotated[int, typer.Option(min=1, help="Child processes.")] = 2,
    port: SidePort = None,
) -> None:
    """Handle the events that one service, or all, are told."""
    with plain_failures():
        processes.worker(read_settings(), services_of(service), concurrency, port)


@app.command()
def relay(port: SidePort = None) -> None:
    """Carry events from the outboxes to the queues."""
    with plain_failures():
        processes.relay(read_settings(), port)


@app.command()
def sequencer(
    port: SidePort = None, parent: Annotated[int | None, typer.Option(hidden=True)] = None
) -> None:
    """Write the transparency log; only one may run. Exits 3 if it refuses, 4 if another runs."""
    # As a child it shares its parent's terminal and says only what goes wrong.
    level = logging.INFO if parent is None else logging.WARNING
    with plain_failures():
        raise typer.Exit(processes.sequencer(read_settings(level), port, parent))


@app.command()
def beat(port: SidePort = None) -> None:
    """Start the work that is due by the clock: nightly snapshots, clean-up."""
    with plain_failures():
        processes.beat(read_settings(), port)


@app.command()
def hooks(port: SidePort = None) -> None:
    """Send webhooks; alone, because it calls addresses that others name."""
    with plain_failures():
        processes.hooks(read_settings(), port)


@app.command()
def migrate() -> None:
    """Bring roles, schemas, tables, grants and policies of all services up to date."""
    settings = read_settings(logging.WARNING)
    with (
        plain_failures(),
        progress("bringing the database up to date"),
        everything.database(settings) as reachable,
    ):
        run_migrations(reachable)
    out.print("the database is up to date")


@keys_app.command("init")
def keys_init() -> None:
    """Make the keys that are missing (0600), outside the database and its backup."""
    settings = read_settings(logging.WARNING)
    made = keyfiles.init(settings)
    out.print(f"made {', '.join(made)} in {settings.keys}" if made else "all keys exist already")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="The organization's name.")],
    mailbox: Annotated[str, typer.Argument(help="The mailbox of its first member.")],
) -> None:
    """Invite the first organization; prints its link and one-use code (10 minutes)."""
    settings = read_settings(logging.WARNING)
    with plain_failures(), everything.database(settings) as reachable:
        link, code = inviting.first(reachable, name, mailbox)
    out.print(f"link {link}")
    out.print(f"code {code}")


@app.command()
def doctor() -> None:
    """Look at everything this deployment needs; exit 1 if something is to be done."""
    settings = read_settings(logging.ERROR)
    problems = 0
    with plain_failures(), everything.database(settings) as reachable:
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
    settings = read_settings(logging.ERROR)
    try:
        with (
            everything.database(settings) as reachable,
            databases(reachable, "worker") as opened,
            progress("checking") as say,
        ):
            report = checking.check(reachable, opened, say)
    except Exception as why:  # noqa: BLE001 (whatever stopped it, it could not run)
        fail(f"fsck could not run: {why}", 2)
    keeping_commands.print_report(report, as_json=as_json)


app.command("witness")(witnessing.command)
app.command()(keeping_commands.backup)
app.command()(keeping_commands.restore)
app.command("replay-events")(keeping_commands.replay_events)


def main() -> None:
    """Run the command line (the console script `renshod`)."""
    app()


if __name__ == "__main__":
    main()
