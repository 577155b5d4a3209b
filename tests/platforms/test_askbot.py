"""A real Askbot: a person writes, once; times come back true although the site's are eight hours off."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from askbot_site import AskbotSite, askbot_site
from cutting import cutting
from real_house import RealHouse

from connectors import ArticleFigures
from scheduler.deliveries import State


@pytest.fixture(scope="module")
def site(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[AskbotSite]:
    with started("Askbot", askbot_site()) as running:
        yield running


def add(house: RealHouse, site: AskbotSite, address: str) -> None:
    credentials = {"time_zone": "Asia/Shanghai", "officials": str(site.official.number)}
    handle = "voice" if address == site.url else "line"
    house.add("askbot", handle, address, credentials)


def question(house: RealHouse, address: str) -> ArticleFigures:
    today = house.today
    connector, access = house.connector("askbot"), house.access("askbot")
    found = list(connector.articles(access, today - timedelta(days=2), today + timedelta(days=1)))
    (one,) = [article for article in found if f"/question/{article.remote_id}/" in address]
    return one


def test_a_post_is_handed_to_a_person_once_whatever_is_lost(site: AskbotSite, house: RealHouse) -> None:
    with cutting(site.port) as (line, address):
        add(house, site, address)
        line.cut("GET /api/v1/info/")
        line.cut("GET /api/v1/info/")  # a read is asked again by itself: only the second loss is told
        sent = house.publish("askbot", "报名从五月四日开始", title="志愿者怎么报名")
        assert len(line.lost) == 2
        assert sent.state is State.HANDED_OVER
        assert sent.states.count(State.HANDED_OVER) == 1
        assert sent.url == f"{address.rstrip('/')}/questions/ask/"
    written = site.official.ask("志愿者怎么报名", "报名从五月四日开始，请在这里提问", "志愿服务")
    assert site.titles("志愿者怎么报名") == 1
    add(house, site, site.url)
    assert f"/question/{question(house, written).remote_id}/" in written


def test_times_views_and_answers_come_back_true(site: AskbotSite, house: RealHouse) -> None:
    add(house, site, site.url)
    asked = site.asker.ask("奖学金什么时候发", "请问今年的奖学金什么时候发到卡里", "学业升学")
    for _ in range(3):
        site.read(asked)
    site.asker.answer(asked, "我自己再补充一下情况，去年是六月")
    site.official.answer(asked, "今年六月十日前发放，请留意通知")
    found = question(house, asked)
    assert abs(found.published_at - datetime.now(UTC)) < timedelta(minutes=3)
    assert found.title == "学业升学"
    values = found.figures[0].values  # three readers, and the official before answering
    assert (values["read_events"], values["answers"], values["answered_within_72h"]) == (4, 2, None)
    assert values["first_answer_hours"] is not None and 0 <= values["first_answer_hours"] < 1

    told = requests.get(f"{site.url}/api/v1/questions/{found.remote_id}/", timeout=30).json()
    trap = found.published_at - datetime.fromtimestamp(int(told["added_at"]), UTC)
    assert trap == timedelta(seconds=28_800)
    house.clock.advance(24 * 3600)  # a day's questions are collected the next day
    assert house.collect().failures == []
    assert house.figures(found.remote_id)["read_events"] == 4.0


def test_a_site_that_tells_true_times_is_noticed(site: AskbotSite, house: RealHouse) -> None:
    add(house, site, site.url)
    site.asker.ask("时间对不对", "这一问用来看时间对不对，请忽略", "其他")
    connector, access = house.connector("askbot"), house.access("askbot")
    assert all(finding.fine for finding in connector.check(access))
    further = {**access.credentials, "time_zone": "Pacific/Auckland"}
    assert not all(finding.fine for finding in connector.check(replace(access, credentials=further)))
