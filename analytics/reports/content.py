"""What a report says: its files, its headline figures, and the holes it has; made anew for every sending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import Article, Snapshot
from analytics.exports.columns import Column, Rule, layout_for, platform_label
from analytics.exports.week import AccountWeek, Week, change, read_week
from analytics.gaps import OpenGap, list_gaps
from config.database import Database
from config.messages import told
from organisation.accounts import Account
from organisation.units import Unit, find_unit, in_subtree


@dataclass(frozen=True)
class Report:
    """A unit's week or digest, ready to be sent.

    `files`: kind → file; `not_made`: the kinds that were asked for and are not there. `headline`
    and `holes` are lines for people; `complete` is False where a hole is open or an article has no
    figures yet; `empty`: there is nothing to tell. `week` is '' for a digest.
    """

    unit: str
    name: str
    week: str
    title: str
    files: Mapping[str, Path]
    not_made: tuple[str, ...]
    headline: tuple[str, ...]
    holes: tuple[str, ...]
    complete: bool
    empty: bool = False

    def attachments(self) -> dict[str, Path]:
        """The files under the names that people see."""
        plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in self.name)
        return {
            said("file_name", name=plain, week=self.week, suffix=path.suffix): path
            for path in self.files.values()
        }


def make_report(database: Database, unit: str, week: str, kinds: Sequence[str], out: Path) -> Report:
    """Writes a unit's week into the folder `out` and reads its headline and holes.

    Raises MeizhenError as `export_week` does.
    """
    chosen = Week.parse(week)
    made = _exported(database, week, unit, kinds, out)
    with database.read() as session:
        subtree = find_unit(session, unit)
        platforms = read_week(session, chosen, unit=subtree)
        gaps = list_gaps(session, since=chosen.before.monday, until=chosen.sunday, unit=subtree)
        behind = _behind(session, chosen, subtree)
    holes = _holes(subtree, chosen, platforms, gaps, behind)
    return Report(
        unit=unit,
        name=subtree.name_zh,
        week=str(chosen),
        title=said(
            "title", name=_one_line(subtree.name_zh), week=chosen, monday=chosen.monday, sunday=chosen.sunday
        ),
        files=made,
        not_made=tuple(kind for kind in kinds if kind not in made),
        headline=tuple(_headline(platform, accounts) for platform, accounts in platforms.items()),
        holes=holes or (said("complete"),),
        complete=not holes,
    )


def _exported(
    database: Database, week: str, unit: str, kinds: Sequence[str], out: Path
) -> Mapping[str, Path]:
    """Kind → file of the week's export, of those kinds that it makes."""
    from analytics.exports import export_week

    return export_week(database, week, out, unit=unit, formats=kinds)


def said(entry: str, **params: object) -> str:
    """A text of a report: leaders read Chinese, whatever the language of the command line."""
    return told(f"reports.{entry}", params, language="zh")


def _headline(platform: str, accounts: Sequence[AccountWeek]) -> str:
    """One line a platform: posts and the leading figure, with last week's."""
    layout = layout_for(platform)
    return said(
        "headline",
        platform=platform_label(platform),
        accounts=len(accounts),
        posts=_compared(accounts, layout.columns[0]),
        leading=_compared(accounts, layout.leading),
    )


def _compared(accounts: Sequence[AccountWeek], column: Column) -> str:
    this, last = (_sum([getattr(row, week).get(column) for row in accounts]) for week in ("this", "last"))
    share = change(this, last)
    return said(
        "compared",
        title=column.title,
        this=_number(this),
        last=_number(last),
        change="" if share is None else f", {share:+.1%}",
    )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def _number(value: Decimal | None) -> str:
    return said("unknown") if value is None else f"{value.normalize():,f}"


def _behind(session: Session, week: Week, unit: Unit) -> int:
    """Articles of the week whose newest figures are from before its last day: not collected since."""
    with_archive(session, "articles", since=week.monday, until=week.sunday)
    newest = (
        select(func.max(col(Snapshot.as_of)).label("as_of"))
        .join(Article, col(Article.id) == col(Snapshot.article_id))
        .join(Account, col(Account.id) == col(Article.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(in_subtree(unit), col(Article.published_day).between(week.monday, week.sunday))
        .group_by(col(Snapshot.article_id))
        .subquery()
    )
    found = session.execute(select(func.count()).where(newest.c.as_of < week.sunday)).scalar_one()
    return int(found)


def _holes(
    unit: Unit,
    week: Week,
    platforms: Mapping[str, Sequence[AccountWeek]],
    gaps: Sequence[OpenGap],
    behind: int,
) -> tuple[str, ...]:
    """What the week's figures lack, and where to look; nothing where they are whole."""
    lines = []
    if gaps:
        accounts = len({gap.account for gap in gaps})
        lines.append(said("holes_gaps", count=len(gaps), accounts=accounts))
    unmeasured = sum(_unmeasured(platform, accounts) for platform, accounts in platforms.items())
    if unmeasured:
        lines.append(said("holes_unmeasured", count=unmeasured))
    if behind:
        lines.append(said("holes_behind", count=behind, sunday=week.sunday))
    silent = sum(
        1
        for platform, accounts in platforms.items()
        for row in accounts
        if layout_for(platform).columns[0] not in row.this
    )
    if silent:
        lines.append(said("holes_no_figures", count=silent))
    if lines:
        since, until = week.before.monday, week.sunday
        lines.append(said("holes_where", unit=unit.code, since=since, until=until))
    return tuple(lines)


def _unmeasured(platform: str, accounts: Sequence[AccountWeek]) -> int:
    """Articles of the week that have no figure yet, where the platform tells figures of articles."""
    layout = layout_for(platform)
    if not any(column.rule is Rule.ARTICLES for column in layout.columns):
        return 0
    return sum(max(0, int(row.this.get(layout.columns[0], 0)) - row.measured) for row in accounts)


def _one_line(told_name: str) -> str:
    return " ".join(told_name.split())
