"""Owns the commands that move files: `backup`, `restore`, and `retry`, which puts failed ones back."""

import argparse

import msgspec

from inspector.answers import names
from inspector.cli import config
from inspector.record.evidence import evidence
from inspector.record.storage import backup
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder.requeue import put_back


def back_up(options: argparse.Namespace) -> None:
    """Copy the record to a new file."""
    data = config.settings(options).data
    size = backup.make(data, options.to)
    print(f"{options.to}: {size / 1e6:.1f} MB, all that is on record now")
    print(f"pictures are not in it: copy {(data / evidence.FOLDER).absolute()} after it, if they are to be kept, too")


def restore(options: argparse.Namespace) -> None:
    """Put a copy of the record back."""
    data = config.settings(options).data
    aside = backup.restore(data, options.copy)
    print(f"{options.copy} is the record of {data.absolute()} now; start the line")
    if aside:
        print(f"what was there is kept as {', '.join(path.name for path in aside)}")
    print("what was recorded after the copy is a gap; pictures of it go at the next start: copy them away if needed")


def retry(options: argparse.Namespace) -> bool:
    """Put failed files back into their drop folders; return whether all of them could be."""
    settings = config.settings(options)
    chosen = names.of_line(settings, options.source) or [source.name for source in settings.sources]
    folders = [one for one in settings.sources if isinstance(one, FolderSourceSettings) and one.name in chosen]
    back, left = 0, 0
    for one in (one for folder in folders for one in put_back(folder, options.patterns)):
        back, left = back + (not one.problem), left + bool(one.problem)
        if options.json:
            print(msgspec.json.encode(one).decode())
        else:
            print(f"left in failed/: {one.problem}" if one.problem else f"back: {one.source}: {one.name!r}")
    if not options.json:
        matched = "" if back or left or not options.patterns else "0 files match: "
        print(f"{matched}{back} {'file' if back == 1 else 'files'} put back, {left} left where they are")
    return not left
