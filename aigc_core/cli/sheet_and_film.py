"""Files that show a whole run: a contact sheet, and a film of an interpolation. For pictures only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.cli import terminal

if TYPE_CHECKING:
    from aigc_core.cli.generation_report import Report

MOST_ON_SHEET = 400


def write_sheet(report: Report, folder: Path, labels: Sequence[str], *, members: bool) -> Path:
    """Write a contact sheet of the pictures that were made, and return its path.

    Args:
        members: let it say which recipe and seed each picture has.
    """
    from aigc_core.contact_sheet import contact_sheet
    from aigc_core.pipeline.output import OutputFolder
    from aigc_core.provenance import write_plain

    if report.counts["created"] > MOST_ON_SHEET:
        terminal.say(f"the contact sheet shows the first {MOST_ON_SHEET}")
    shown = report.pictures[:MOST_ON_SHEET]
    picture = contact_sheet(shown, [member.caption for member in report.members[:MOST_ON_SHEET]])
    named = [member.described for member in report.members[:MOST_ON_SHEET]] if members else ()
    with OutputFolder(folder).free_path(f"{report.stem}-grid", ".png") as path:
        return write_plain(picture, path, members=named, trained=report.plan.model is not None, labels=labels)


def write_film(report: Report, folder: Path, labels: Sequence[str]) -> Path:
    """Write the pictures that were made, one after another, and return the path."""
    from aigc_core.pipeline.output import OutputFolder
    from aigc_core.provenance import write_film

    with OutputFolder(folder).free_path(f"{report.stem}-film", ".gif") as path:
        return write_film(report.pictures, path, trained=report.plan.model is not None, labels=labels)
