"""``polyterm replay --verify-session``: run a stored session again and show, window by window, that nothing differs."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from polyterm.service.verification import Verdict, Verification

EXIT_CODES: Final[dict["Verdict", int]] = {"verified": 0, "different": 1, "other platform": 3, "unverifiable": 3}


def run(session: str | None, db: str | None, *, as_json: bool) -> int:
    """Print what was found; the exit code: 0 proven, 1 different, 3 neither can be proven."""
    import msgspec

    from polyterm.cli.user_strategies import load_own
    from polyterm.service.verification import verify_session
    from polyterm.settings import load
    from polyterm.store.location import locate

    settings = load({} if db is None else {"db": db})
    result = asyncio.run(verify_session(locate(settings.db, settings.data_dir), session, load_own().entries))
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        for line in _lines(result):
            click.echo(line)
    return EXIT_CODES[result.verdict]


def _lines(result: "Verification") -> Iterator[str]:
    yield f"session {result.session.id}, {result.session.program or 'of an unknown program'}"
    if result.windows:
        yield f"{'window':<20}  {'inputs':>7} {'events':>7}  {'digest':<8}  result"
    for window in result.windows:
        shown = window.again or window.stored
        counts = " " * 25
        if shown is not None:
            counts = f"{shown.inputs:7,d} {shown.events:7,d}  {shown.events_digest[:8]}"
        yield f"{window.key!s:<20}  {counts}  {window.finding}"
    for difference in result.other_platform:
        yield f"other platform: {difference}"
    yield f"{result.verdict}: {result.reason}"
