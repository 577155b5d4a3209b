"""A made-up year for award tests: accounts, articles and figures, stored in any order."""

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert

from analytics.articles import AccountDayFigure, Article, CollectionGap, FigureSource, Snapshot
from analytics.awards.holes import Signature
from config.database import Database
from organisation.accounts import Account
from organisation.units import Unit

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
TRACKS = ("league", "university", "enterprise")
SIGNED = Signature("李敏", "接口停用,无法补采")


@dataclass
class World:
    """Rows to be stored, independent of any order; ids are given out while storing."""

    accounts: list[dict[str, object]] = field(default_factory=list)
    articles: list[dict[str, object]] = field(default_factory=list)
    days: list[tuple[str, str, date, int]] = field(default_factory=list)  # account, metric, day, value
    gaps: list[tuple[str, date]] = field(default_factory=list)

    def account(self, platform: str, handle: str, track: str, **fields: object) -> str:
        filed = fields.pop("filed", date(2025, 3, 1))
        row = {
            "platform": platform,
            "handle": handle,
            "track": track,
            "name": f"{handle} 青年",
            "filed": filed,
        }
        self.accounts.append(row | {"verified": True, "unit": f"U-{track}"} | fields)
        return f"{platform}:{handle}"

    def article(
        self, account: str, day: date, figures: dict[str, object], *, later: int = 7, **fields: object
    ) -> None:
        number = len(self.articles)
        row: dict[str, object] = {"account": account, "day": day, "figures": [(later, "api", figures)]}
        self.articles.append(row | {"remote_id": f"r{number}", "position": 1, "original": True} | fields)

    def store(self, database: Database, seed: int) -> None:
        """Stores everything in an order of the seed: database ids differ, facts do not."""
        chance = random.Random(seed)
        units = _numbered(chance, {str(row["unit"]) for row in self.accounts})
        sources = _numbered(chance, {"api", "import", "typed"})
        accounts = _numbered(chance, {f"{row['platform']}:{row['handle']}" for row in self.accounts})
        articles = list(enumerate(chance.sample(self.articles, len(self.articles)), start=1))
        shared = [Unit(id=i, code=u, kind="league", name_zh=f"单位 {u}", path=u) for u, i in units.items()]
        known = [FigureSource(id=i, kind=k, name=f"from {k}", first_at=NOON) for k, i in sources.items()]
        with database.write() as session:
            session.add_all([*shared, *known])
            session.flush()
            for row in self.accounts:
                fields = {key: value for key, value in row.items() if key != "unit"}
                number = accounts[f"{row['platform']}:{row['handle']}"]
                session.add(Account(**fields, id=number, unit_id=units[str(row["unit"])]))
            session.flush()
            rows = [_article(number, row, accounts) for number, row in articles]
            readings = [reading for number, row in articles for reading in _readings(number, row, sources)]
            days = [
                {"account_id": accounts[key], "metric": metric, "day": day, "value": Decimal(value)}
                | {"source_id": sources["api"], "collected_at": NOON}
                for key, metric, day, value in self.days
            ]
            for table, values in ((Article, rows), (Snapshot, readings), (AccountDayFigure, days)):
                if values:
                    session.execute(insert(table), values)
            for key, day in self.gaps:
                fields = {"account_id": accounts[key], "subject": "articles", "day": day}
                session.add(CollectionGap(**fields, code="61503", seen_at=NOON))


def _numbered(chance: random.Random, names: set[str]) -> dict[str, int]:
    """Each name with an id, in an order of chance."""
    return {name: number for number, name in enumerate(chance.sample(sorted(names), len(names)), start=1)}


def _article(number: int, row: dict[str, object], accounts: dict[str, int]) -> dict[str, object]:
    told = {"kind": "post"} | {
        key: row[key] for key in ("remote_id", "position", "original", "kind") if key in row
    }
    texts = {"title": row.get("title", "题目"), "url": row.get("url", "")}
    fixed = {**texts, "published_at": NOON, "published_day": row["day"]}
    return told | fixed | {"id": number, "account_id": accounts[str(row["account"])]}


def _readings(number: int, row: dict[str, object], sources: dict[str, int]) -> Iterator[dict[str, object]]:
    day, readings = row["day"], row["figures"]
    assert isinstance(day, date)
    assert isinstance(readings, list)
    for later, source, figures in readings:
        fixed = {"article_id": number, "as_of": day + timedelta(days=later), "source_id": sources[source]}
        for metric, value in figures.items():
            if value is not None:
                yield fixed | {"metric": metric, "value": Decimal(str(value)), "collected_at": NOON}


def wechat(reads: int) -> dict[str, object]:
    return {"read_people": reads, "recommend_heart": reads // 90, "like": reads // 60, "share": reads // 25}


def a_year() -> World:
    """Three categories, three tracks, some accounts that may not take part."""
    world, chance = World(), random.Random(7)
    mondays = [date(2026, 1, 5) + timedelta(days=7 * week) for week in range(50)]
    for number, track in enumerate([*TRACKS, *TRACKS, "league"]):
        key = world.account("wechat", f"demo-w{number}", track)
        size = chance.randint(300, 4000)
        for day in mondays:
            world.article(key, day, wechat(size + chance.randint(0, size)))
            world.article(key, day, wechat(size // 3), position=2)
        key = world.account("weibo", f"demo-b{number}", track)
        for day in mondays:
            for hour in range(3):
                figures: dict[str, object] = {"repost": chance.randint(0, 50), "comment": hour, "like": size}
                world.article(key, day, figures, position=None, original=hour != 2)
        key = world.account("youth_voice", f"demo-q{number}", track)
        for place in range(110):
            figures = {"answers": 1, "first_answer_hours": chance.randint(1, 90), "answered_within_72h": 1}
            figures["satisfied"] = chance.choice([None, 0, 1])
            if place % 9 == 0:
                figures = {"answers": 0, "answered_within_72h": 0}
            world.article(key, mondays[place % 50], figures, position=None, original=None, kind="question")
        world.days += [
            (key, "askers_ytd", date(2026, 11, 30), 40),
            (key, "askers_ytd", date(2026, 12, 31), 90),
        ]
        world.days += [(key, "experts_ytd", date(2026, 12, 31), 3 + number)]
    late = world.account("wechat", "demo-late", "league", filed=date(2026, 2, 1), verified=False)
    world.article(late, mondays[0], wechat(99999))
    world.account("wechat", "demo-silent", "none", filed=None)
    return world


Store = Callable[..., Database]


def content(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def small_rule(folder: Path, *changes: tuple[str, str]) -> Path:
    """A rule of one WeChat category that few articles satisfy."""
    text = """
schema = 1
[award]
id = "small"
title = "小评选"
period = { start = 2026-01-01, end = 2026-12-31 }
read_age_days = 7
[[category]]
id = "wechat"
tracks = [{ id = "league", label = "盟市", places = 1 }, { id = "university", label = "高校", places = 1 }]
eligibility = [{ rule = "min_posts", value = 1 }]
[category.index]
formula = "wci"
version = "14.2b"
[category.score]
data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }
tie_break = ["index", "shares_per_post", "earlier_filed"]
"""
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "small.toml"
    path.write_text(text, "utf-8")
    return path


def judged(folder: Path, scores: Sequence[str], votes: Sequence[str]) -> dict[str, Path]:
    jury, vote = folder / "jury.csv", folder / "votes.csv"
    jury.write_text("\n".join(["handle,judge,score,unit", *scores]), "utf-8")
    vote.write_text("\n".join(["handle,votes", *votes]), "utf-8")
    return {"jury": jury, "votes": vote}


JURIED = (
    'data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }',
    'data = { weight = "0.60", scale = "fixed_anchor", anchor = 1000 }\n'
    'jury = { weight = "0.30", min_judges = 3, trim = 1, recuse_same_org = true }\n'
    'public = { weight = "0.10", scale = "percentile_in_track" }',
)
