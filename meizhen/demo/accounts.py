"""The demo's official accounts: some 60 of them, made up and marked `demo-`, and their doubles' switches."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.table_files import Table

SAFE_DOMAIN = "youth.example.org"
FOUNDED = datetime(2025, 12, 31, 16, 0, tzinfo=UTC)  # midnight of 2026-01-01 in Beijing
_TRACKS = ("league", "university", "enterprise")
_EVERY = 2  # not every unit has every account
_UNVERIFIED = frozenset({"NM-AL", "NM-E-YITAI"})
_COLUMNS = (
    *("handle", "platform", "unit", "name", "track", "filed", "verified", "api_base"),
    *("appid", "secret", "access_token", "uid", "app_key", "safe_domain", "rip", "token"),
)


@dataclass(frozen=True)
class DemoAccount:
    """One account on both sides: our row of the accounts file, and the double at the platform."""

    row: dict[str, str]
    double: dict[str, object]

    @property
    def name(self) -> str:
        return f"{self.row['platform']}:{self.row['handle']}"

    @property
    def platform(self) -> str:
        return self.row["platform"]


def demo_accounts(units: Table, address: str) -> list[DemoAccount]:
    """WeChat for every unit of a track, Weibo and Youth Voice for most, and the region's own web site."""
    made = []
    counted = dict.fromkeys(_TRACKS, 0)
    for row in units.rows:
        kind, code, name = row["kind"], row["code"], row["name_zh"]
        if kind == "region":
            made += [_wechat(code, name, "", address), _webhook(code, name, address)]
        if kind not in _TRACKS:
            continue
        counted[kind] += 1
        made.append(_wechat(code, name, kind, address))
        first_or_second = counted[kind] == 1 or counted[kind] % _EVERY == 0
        if first_or_second:
            made.append(_weibo(code, name, kind, address))
        if first_or_second or kind == "league":
            made.append(_youth_voice(code, name, kind, address))
    return made


def write_accounts_file(accounts: Sequence[DemoAccount], path: Path) -> None:
    """The file that `meizhen account import` takes."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(account.row for account in accounts)
    path.chmod(0o600)


def _account(
    platform: str,
    code: str,
    name: str,
    track: str,
    address: str,
    credentials: dict[str, str],
    *,
    posts_per_week: float,
    switches: dict[str, object] | None = None,
) -> DemoAccount:
    handle = f"demo-{code.lower()}"
    verified = not (platform == "wechat" and code in _UNVERIFIED)
    row = {
        "handle": handle,
        "platform": platform,
        "unit": code,
        "name": name.removeprefix("共青团").removesuffix("委员会") + _SUFFIX[platform],
        "track": track,
        "filed": "2025-06-30",
        "verified": "yes" if verified else "no",
        "api_base": f"{address}/{platform}",
        **credentials,
    }
    double = {
        "platform": platform,
        "account": handle,
        "credentials": credentials,
        "switches": {"verified": verified, **(switches or {})},
        "strength": 0.4 + 2.4 * _share(code, platform, "strength"),
        "followers": int(2_000 + 60_000 * _share(code, platform, "followers") ** 2),
        "founded": FOUNDED.isoformat(),
        "posts_per_week": posts_per_week,
    }
    return DemoAccount(row, double)


_SUFFIX = {"wechat": "微信", "weibo": "微博", "youth_voice": "青年之声", "webhook": "网站"}


def _wechat(code: str, name: str, track: str, address: str) -> DemoAccount:
    secrets = {"appid": f"wx{_digest(code, 'appid')[:16]}", "secret": _digest(code, "secret")[:32]}
    often = 1.5 + 2.5 * _share(code, "wechat", "often")
    return _account("wechat", code, name, track, address, secrets, posts_per_week=often)


def _weibo(code: str, name: str, track: str, address: str) -> DemoAccount:
    credentials = {
        "access_token": f"2.00{_digest(code, 'token')[:28]}",
        "uid": str(5_500_000_000 + int(_digest(code, "uid")[:7], 16) % 99_999_999),
        "app_key": "1234500000",
        "safe_domain": SAFE_DOMAIN,
        "rip": "203.0.113.9",
    }
    return _account(
        "weibo",
        code,
        name,
        track,
        address,
        credentials,
        posts_per_week=2.6 + 0.6 * _share(code, "weibo", "often"),
        switches={"safe_domain": SAFE_DOMAIN},
    )


def _youth_voice(code: str, name: str, track: str, address: str) -> DemoAccount:
    token = {"token": f"yv-{_digest(code, 'yv')[:32]}"}
    often = 3 + 5 * _share(code, "youth_voice", "often")
    return _account("youth_voice", code, name, track, address, token, posts_per_week=often)


def _webhook(code: str, name: str, address: str) -> DemoAccount:
    token = {"token": f"site-{_digest(code, 'site')[:32]}"}
    return _account("webhook", code, name, "", address, token, posts_per_week=0.0)


def _digest(*parts: str) -> str:
    """Made-up but always the same: demo credentials open nothing but the sandbox."""
    return hashlib.sha256("|".join(("meizhen-demo", *parts)).encode()).hexdigest()


def _share(*parts: str) -> float:
    """A number from 0 to 1 that depends on the names only."""
    return int(_digest(*parts)[:8], 16) / 0xFFFFFFFF
