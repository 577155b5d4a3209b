"""All papers of a run into a folder: what there is to say decides which papers there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.awards.folder import RunFolder, not_written, put_in_place
from analytics.awards.nouns import noun
from analytics.awards.papers.facts import (
    Run,
    certificate_facts,
    common_facts,
    percent,
    read_run,
    said,
)
from analytics.awards.papers.method import method_facts
from analytics.awards.papers.people import has_minutes, minutes_facts
from analytics.awards.papers.press import press
from analytics.awards.papers.sheet import workbook
from analytics.awards.papers.templates import PAPERS, templates
from analytics.awards.result import TrackResult
from analytics.charts import PosterRow, poster_picture
from config.errors import MeizhenError

FOLDER = "papers"  # in the run's folder, see `folder.BESIDE`
FINAL_PAPERS = ("final", "certificate")
_POSTER, _SHEET = "poster", "sheet"
KINDS = (*PAPERS, _POSTER, _SHEET)
_FILES = {
    **{kind: f"{kind}.pdf" for kind in PAPERS},
    "certificate": "certificates.pdf",
    _SHEET: "figures.xlsx",
}


@dataclass(frozen=True)
class Papers:
    """What was made, by kind of paper, and which kinds were not, with the reason's entry in `papers`."""

    run: Run
    paths: Mapping[str, Sequence[Path]]
    left_out: Mapping[str, str]


def make_papers(
    folder: Path, out: Path | None = None, *, template: Path | None = None, only: Sequence[str] = ()
) -> Papers:
    """Makes the papers of the run in `folder`, into `out` (its folder `papers` without one).

    `only` names kinds: notice, final, method, minutes, objections, certificate, poster, sheet; all without.
    Nothing but the run's files and the templates goes in, so that the same run gives the same bytes. Raises
    MeizhenError before the list is made, for a final paper before the list is final, for a wrong template.
    """
    run = read_run(RunFolder(folder))
    wanted = _wanted(run, only)
    reasons = {kind: reason for kind, reason in _left_out(run).items() if kind in wanted}
    if only:
        _refuse(reasons)
    kinds = [kind for kind in wanted if kind not in reasons]
    known = templates(template)
    # All are made before one is written: a wrong template leaves the folder as it was.
    contents = {kind: _content(run, kind, known) for kind in kinds if kind != _POSTER}
    target = out or folder / FOLDER
    made: dict[str, Sequence[Path]] = {}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for kind, content in contents.items():
            made[kind] = (_place(target / _FILES[kind], content),)
        if _POSTER in kinds:
            made[_POSTER] = tuple(_posters(run, target))
    except OSError as error:
        raise not_written(target, error) from None
    return Papers(run, made, reasons)


def _wanted(run: Run, only: Sequence[str]) -> Sequence[str]:
    unknown = [kind for kind in only if kind not in KINDS]
    if unknown:
        raise MeizhenError("papers.no_such_paper", received=", ".join(unknown), known=", ".join(KINDS))
    return [kind for kind in KINDS if kind in only] if only else KINDS


def _left_out(run: Run) -> dict[str, str]:
    reasons: dict[str, str] = {}
    if not run.final:
        reasons |= dict.fromkeys(FINAL_PAPERS, "not_final")
    elif not run.certificates:
        reasons["certificate"] = "nobody_awarded"
    if not has_minutes(run):
        reasons["minutes"] = "no_jury"
    if run.rule.notice is None:
        reasons["objections"] = "no_notice"
    return reasons


def _refuse(reasons: Mapping[str, str]) -> None:
    for kind, reason in reasons.items():
        raise MeizhenError(f"papers.{reason}", paper=said(f"paper_{kind}"))


def _content(run: Run, kind: str, known: Mapping[str, bytes]) -> bytes:
    if kind == _SHEET:
        return workbook(run)
    (content,) = press(known, kind, facts_of(run, kind), run.rule.end)
    return content


_OWN: Mapping[str, Callable[[Run], dict[str, object]]] = {
    "method": method_facts,
    "minutes": minutes_facts,
    "certificate": lambda run: certificate_facts(run.certificates),
}


def facts_of(run: Run, kind: str) -> dict[str, object]:
    """Everything that the template of this kind may say."""
    return common_facts(run) | (_OWN[kind](run) if kind in _OWN else {})


def _place(path: Path, content: bytes) -> Path:
    """Whole or not at all: somebody may have the old paper open."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    put_in_place(draft, path)
    return path


def _posters(run: Run, target: Path) -> Iterator[Path]:
    law = run.rule.robustness
    note = said("poster_note", share=percent(law.high - law.low), draws=f"{law.draws:,}")
    run_line = said("footer", run_id=run.run_id[:16], number=run.number)
    for number, result in enumerate(run.results, start=1):
        people = said("poster_people") if result.category.index.by_people else ""
        for place, track in enumerate(result.tracks, start=1):
            label = f"{result.category.label.zh} · {track.track.label.zh}"
            words = _file_word(f"{result.category.id}-{track.track.id}")
            path = target / f"poster-{number}{place:02}-{words}"
            titles, notes = (run.rule.title, label), (note, people, run_line)
            yield from poster_picture(_rows(track), titles, notes, path, noun=noun(result.category.of, "zh"))


def _file_word(told: str) -> str:
    """Ids are the organiser's: as a part of a file's name they keep letters and digits only."""
    return "".join(letter if letter.isalnum() else "-" for letter in told)


def _rows(track: TrackResult) -> list[PosterRow]:
    return [
        PosterRow(one.place, one.name, one.unit, one.score, one.awarded, one.low, one.high, one.inside)
        for one in track.places
    ]
