"""The demo's campaign: a real notice's seven activities as a fortnight of queued posts."""

import csv
import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from config.clock import SHANGHAI
from meizhen.demo.accounts import SAFE_DOMAIN, DemoAccount

DAYS = 14
_YEAR = 2026  # the notice's own year is 2022; the platforms' new figures begin in November 2025
_TIMES = (time(8, 0), time(11, 30), time(17, 0), time(20, 0))
_SLOTS = 4  # every account takes every fourth story


def campaign() -> dict[str, Any]:
    """The notice's facts."""
    return tomllib.loads((files("meizhen.demo") / "campaign.toml").read_text("utf-8"))


def first_day() -> date:
    """The day the campaign begins, in the demo's year."""
    begins: date = campaign()["from"]
    return begins.replace(year=_YEAR)


def write_posts_file(accounts: Sequence[DemoAccount], cover: Path, path: Path) -> int:
    """Writes the file that `meizhen post import` takes; gives how many deliveries it asks for."""
    rows = _rows(accounts, cover.name)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["account", "due", "title", "text", "media"])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _rows(accounts: Sequence[DemoAccount], cover: str) -> list[dict[str, str]]:
    activities = campaign()["activity"]
    rows = []
    for story in range(DAYS * 2):
        activity = activities[story % len(activities)]
        day = first_day() + timedelta(days=story // 2)
        due = datetime.combine(day, _TIMES[story % len(_TIMES)], SHANGHAI)
        for number, account in enumerate(accounts):
            if (number + story) % _SLOTS:
                continue
            rows.append(
                {"account": account.name, "due": due.isoformat(), **_wording(account, activity, story, cover)}
            )
    return rows


def _wording(account: DemoAccount, activity: dict[str, Any], story: int, cover: str) -> dict[str, str]:
    """One story as the account's platform takes it: articles with a cover, short posts with a link."""
    title, lead = activity["title"], "、".join(activity["lead"])
    link = f"https://{SAFE_DOMAIN}/a/{story + 1}"
    head = f"网络文明教育系列活动第{story + 1}期"
    if account.platform == "weibo":
        return {"title": "", "text": f"【{head}】{title[:40]} 详情见 {link}", "media": ""}
    body = f"{head}:{title}。\n\n牵头单位:{lead}。\n\n{account.row['name']}邀请青年朋友一起参与。"
    if account.platform == "wechat":
        return {"title": title[:32], "text": body, "media": cover}
    return {"title": f"{head}:{title}"[:60], "text": body, "media": ""}
