"""``moonvillage report``: the whole report again, the report for a partner, the record of releases."""

from __future__ import annotations

from pathlib import Path

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, Json, Out, Quiet, print_json
from moonvillage.errors import InputError


def report(
    folder: Path,
    /,
    *,
    partner: str = "",
    date: str | None = None,
    by: str | None = None,
    releases: bool = False,
    anchor: str = "",
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write the report of a finished run again, or the one that a partner may see; or check who was given what.

    Example: `moonvillage report runs/mine --partner esa --date 2033-01-01`

    Parameters
    ----------
    folder
        A run folder.
    partner
        Write what may be released to this partner, with a watermark; the release is recorded.
    date
        For a partner: the UTC day of the release, by whose rules and agreements it is decided; today by default.
    by
        For a partner: who releases; the user of this computer by default.
    releases
        List the releases of this run and verify their record; nothing is written.
    anchor
        With `--releases`: NUMBER:HASH of an entry noted earlier, to know a record that was cut or written anew.
    out
        For a partner: the folder to write to; partners/ID in the run folder by default.
    """
    if releases:
        return _list(folder, anchor, json)
    if not partner:
        if date is not None or by is not None or out is not None:
            raise InputError.one("is needed for --date, --by and --out", "say to whom", field="--partner")
        from moonvillage.pipeline import report_folder

        path = report_folder(folder)
        print_json({"report": str(path)}) if json else print(path)
        return DONE
    from moonvillage.pipeline.reports import report_to

    made = report_to(folder, partner, out=out, date=date, by=by)
    page = made.folder / "report.html"
    if json:
        print_json(
            {
                "report": str(page),
                "partner": partner,
                "files": [str(path) for path in made.files],
                "withheld": made.withheld,
                "entry": made.entry.seq,
                "mark": made.entry.mark,
                "anchor": f"{made.entry.seq}:{made.entry.hash}",
            }
        )
    else:
        print(page)
        if not quiet:
            print(f"{made.withheld} items withheld; entry {made.entry.seq} of the record, mark {made.entry.mark}")
            print(f"anchor {made.entry.seq}:{made.entry.hash}")
    return DONE


def _list(folder: Path, anchor: str, json: bool) -> int:
    from moonvillage.pipeline.releases import verify

    if not folder.is_dir():
        raise InputError.one("is not a folder", "name a run folder", file=str(folder))
    noted = None
    if anchor:
        number, _, hash_ = anchor.partition(":")
        if not number.isdigit() or not hash_:
            raise InputError.one("is not an anchor", "write NUMBER:HASH", field="--anchor", value=anchor)
        noted = (int(number), hash_)
    found = verify(folder, noted)
    if json:
        print_json(
            {
                "sound": found.sound,
                "problems": list(found.problems),
                "first_bad": found.first_bad,
                "anchor": f"{found.head[0]}:{found.head[1]}",
                "releases": [
                    {"entry": e.seq, "mark": e.mark, **{k: v for k, v in e.body.items() if k != "files"}}
                    for e in found.entries
                ],
            }
        )
    else:
        for e in found.entries:
            items = sum(row["items"] for row in e.body["withheld"])
            under = ", ".join(sorted({id_ for ids in e.body["under"].values() for id_ in ids})) or "nothing of others"
            print(
                f"{e.seq}  {e.body['date']}  {e.body['what']} to {e.body['to']} by {e.body['by']}: "
                f"{len(e.body['files'])} files, sha256 {e.body['digest'][:16]}, under {under}; "
                f"{items} items withheld; mark {e.mark}"
            )
        for problem in found.problems:
            print(problem)
        if found.sound:
            print(f"sound: {len(found.entries)} releases, anchor {found.head[0]}:{found.head[1]}")
    return DONE if found.sound else ANSWER_IS_NO
