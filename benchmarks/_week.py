"""A made-up organisation with a quarter of figures: what a unit's ordinary week looks like."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlmodel import Session

from analytics.articles import CollectionGap
from analytics.exports.columns import Rule, layout_for
from analytics.figures import (
    AccountFigure,
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_account_days,
    store_articles,
    store_snapshots,
)
from config.clock import SHANGHAI
from config.database import Database
from organisation.accounts import Account
from organisation.units import Unit

PLATFORMS = ("wechat", "weibo", "youth_voice", "webhook", "douyin", "bilibili")
MONDAY = date(2026, 11, 9)  # of 2026-W46
WEEKS = 14
TITLES = (
    "学雷锋志愿服务月启动",
    "青年大学习第十二期",
    "=SUM(A1:A9) 不是公式",
    "五四青年节晚会直播预告",
    "招募:西部计划志愿者",
)


def fill(database: Database, *, accounts: int = 300, articles: int = 2000, seed: int = 46) -> None:
    """`accounts` over the platforms, `articles` a week for `WEEKS` weeks and a week of the year before."""
    chance = random.Random(seed)
    with database.write() as session:
        units = _units(session)
        owned = []
        for number in range(accounts):
            platform = PLATFORMS[number % len(PLATFORMS)]
            unit = units[chance.randrange(len(units))]
            name = f"{unit.name_zh}{('青年', '团委', '学生会')[number % 3]}{number}"
            account = Account(
                unit_id=unit.id or 0,
                platform=platform,
                handle=f"a{number}",
                name=name,
                track=("league", "university", "enterprise")[number % 3],
            )
            session.add(account)
            owned.append(account)
        session.flush()
        at = datetime.combine(MONDAY + timedelta(days=7), datetime.min.time(), UTC)
        for platform in PLATFORMS:
            mine = [account for account in owned if account.platform == platform]
            if mine:
                _figures(session, chance, platform, mine, articles * len(mine) // accounts, at)
        for account in owned[:7]:
            session.add(
                CollectionGap(
                    account_id=account.known_id,
                    subject="articles",
                    day=MONDAY + timedelta(days=3),
                    code="61503",
                    told="data is not ready",
                    seen_at=at,
                )
            )


def _units(session: Session) -> list[Unit]:
    root = Unit(code="NM", kind="region", name_zh="内蒙古团委", path="x/")
    session.add(root)
    session.flush()
    root.path = f"{root.id}/"
    names = (
        "呼和浩特",
        "包头",
        "呼伦贝尔",
        "兴安",
        "通辽",
        "赤峰",
        "锡林郭勒",
        "乌兰察布",
        "鄂尔多斯",
        "巴彦淖尔",
    )
    units = [root]
    for number, name in enumerate(names):
        unit = Unit(code=f"NM-{number}", kind="league", name_zh=name, path=f"y{number}/", parent_id=root.id)
        session.add(unit)
        session.flush()
        unit.path = f"{root.id}/{unit.id}/"
        units.append(unit)
    session.flush()
    return units


def _figures(
    session: Session,
    chance: random.Random,
    platform: str,
    accounts: list[Account],
    weekly: int,
    at: datetime,
) -> None:
    columns = [column for column in layout_for(platform).columns if column.rule is not Rule.POSTS]
    know_metrics(
        session,
        platform,
        [
            Meaning(
                column.metric,
                column.counts(platform) if column.counts(platform) != "unknown" else "events",
                {"articles": "cumulative", "days": "per_day", "last": "snapshot"}[column.rule],
                "article" if column.rule is Rule.ARTICLES else "account",
            )
            for column in columns
        ],
    )
    api, typed = (
        source_id(session, kind, name, at)
        for kind, name in (("api", f"{platform} articles"), ("import", "十一月.csv"))
    )
    size = {account.known_id: chance.lognormvariate(6, 1) for account in accounts}
    for back in (*range(WEEKS), 52):
        monday = MONDAY - timedelta(weeks=back)
        facts: dict[int, list[ArticleFact]] = {}
        for number in range(weekly):
            account = accounts[chance.randrange(len(accounts))]
            day = monday + timedelta(days=chance.choice((0, 0, 1, 1, 2, 3, 4, 4, 5, 6)))
            hour = 0 if platform == "wechat" else chance.choice((8, 9, 10, 11, 12, 17, 18, 20, 21))
            minute = 0 if platform == "wechat" else chance.randrange(1, 60)
            moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)
            title = f"{chance.choice(TITLES)} {number}"
            facts.setdefault(account.known_id, []).append(
                ArticleFact(f"{back}_{number}", title, f"{platform}/{back}/{number}", moment, day)
            )
        for account_id, own in facts.items():
            ids = store_articles(session, account_id, own)
            rows = []
            for fact in own:
                for column in columns:
                    if column.rule is Rule.ARTICLES and chance.random() < 0.95:
                        final = int(size[account_id] * chance.uniform(0.2, 3))
                        for age in (1, 2, 3, 7, 30):
                            as_of = fact.published_day + timedelta(days=age)
                            rows.append(
                                ArticleFigure(
                                    ids[fact.remote_id],
                                    column.metric,
                                    as_of,
                                    Decimal(final * age // 30 + final),
                                )
                            )
            store_snapshots(session, typed if chance.random() < 0.1 else api, at, rows)
        days = [
            AccountFigure(
                account.known_id,
                column.metric,
                monday + timedelta(days=day),
                int(size[account.known_id] * (10 if column.rule is Rule.LAST else 0.3)) + day - back,
            )
            for account in accounts
            for column in columns
            if column.rule in (Rule.DAYS, Rule.LAST)
            for day in range(7)
            if chance.random() < 0.995
        ]
        store_account_days(session, api, at, days)
