"""账号: cards, one account, connecting by the platform's form, testing, pausing and retiring."""

from datetime import timedelta

import responses
from desk_house import DeskHouse
from sqlmodel import select

from analytics.articles import Article
from organisation import Account, Person, Role, open_credentials, put_in_charge
from organisation.ledger import LedgerEntry


def test_cards_show_light_manager_and_what_comes_next_within_reach(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.queue(free, "五四预告", 24)
    last = house.clock.now() - timedelta(days=11)
    with house.database.write() as session:
        put_in_charge(session, house.newsroom.people["fa"], "account", [free.known_id], at=last)
        session.add(
            Article(
                account_id=free.known_id,
                remote_id="1",
                title="旧文",
                published_at=last,
                published_day=last.date(),
            )
        )
    words = house.browser("quan").get("/accounts?words=bt").words
    assert "已 11 天没有更新" in words and "姓名fa" in words and "3月3日 周二 09:00" in words
    theirs = house.browser("fa").get("/accounts").html
    assert f'href="/accounts/{free.id}"' not in theirs
    assert f'href="/accounts/{house.newsroom.account.id}"' in theirs
    assert house.browser("fa").get(f"/accounts/{free.id}").status == 404
    assert house.browser("fa").get("/accounts/999").status == 404


def test_the_list_costs_the_same_with_more_accounts(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    browser = house.browser("quan")
    browser.get("/accounts")
    counts = []
    for more in (0, 20):
        for number in range(more):
            house.newsroom.open_account("BT", f"more-{number}")
        with house.counting() as seen:
            browser.get("/accounts")
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_form_asks_what_the_platform_declares_and_never_shows_a_secret_again(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    assert "青年之声" in browser.get("/accounts/new").words
    form = browser.get("/accounts/new?platform=youth_voice")
    assert 'type="password"' in form.html and 'name="token"' in form.html
    values = {
        "platform": "youth_voice",
        "unit": "HH",
        "handle": "qn",
        "name": "青年",
        "api_base": "http://127.0.0.1:9",
    }
    missing = browser.post("/accounts/new", values)
    assert missing.status == 422 and "访问令牌" in missing.words
    secret = "a-very-secret-token-0123"
    refused = browser.post("/accounts/new", values | {"token": secret, "unit": "nowhere"})
    assert refused.status == 422 and "nowhere" in refused.words and secret not in refused.html
    assert browser.post("/accounts/new", values | {"token": secret, "unit": "BT"}).status == 404
    made = browser.post("/accounts/new", values | {"token": secret})
    assert "已接上 youth_voice:qn" in made.words and secret not in made.html
    edit = browser.get(f"{made.path}/edit")
    assert secret not in edit.html and 'value="青年"' in edit.html
    changed = browser.post(f"{made.path}/edit", values | {"name": "新名字", "token": ""})
    assert "新名字" in changed.words
    with house.database.read() as session:
        account = session.exec(select(Account).where(Account.handle == "qn")).one()
        assert open_credentials(session, house.newsroom.keys, account) == {"token": secret}
        acts = [entry.act for entry in session.exec(select(LedgerEntry)) if entry.subject == "youth_voice:qn"]
    assert acts == ["account.add", "account.change"]


@responses.activate
def test_a_test_of_the_connection_tells_findings_and_changes_nothing(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    values = {"platform": "youth_voice", "unit": "HH", "handle": "qn", "name": "青年"}
    values |= {"api_base": "http://site.example", "token": "a-very-secret-token-0123"}
    made = browser.post("/accounts/new", values)
    ends = (house.clock.now() + timedelta(days=5, hours=1)).isoformat()
    responses.get("http://site.example/v1/me", json={"rights": ["announce"], "token_expires_at": ends})
    part = browser.post(f"{made.path}/check", **{"HX-Request": "true"})
    assert "发布公告" in part.words and "<html" not in part.html and "有问题要处理" in part.words
    whole = browser.post(f"{made.path}/check")
    assert whole.status == 200 and "<html" in whole.html and "读取统计数据" in whole.words
    # What was found stays on the account's page, and its end on the card.
    later = browser.get(made.path).words
    assert "上次检查" in later and "发布公告" in later
    assert "授权 还剩 5 天" in later and "授权 还剩 5 天" in browser.get("/accounts").words


def test_pausing_resuming_and_retiring_by_those_who_may(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("guan", Role.ADMINISTRATOR, "BT")
    house.newsroom.person("kan", Role.VIEWER, "BT")
    address = f"/accounts/{free.id}"
    viewer = house.browser("kan")
    assert viewer.get(address).status == 200
    assert viewer.post(f"{address}/lane", {"stopped": "true"}).status == 403
    assert viewer.post(f"{address}/state", {"verb": "retire"}).status == 403
    browser = house.browser("guan")
    assert "发布队列 已暂停" in browser.post(f"{address}/lane", {"stopped": "true", "reason": "默哀日"}).words
    assert "发布队列 正常" in browser.post(f"{address}/lane", {"stopped": "false"}).words
    assert "已暂停" in browser.post(f"{address}/state", {"verb": "pause"}).words
    again = browser.post(f"{address}/state", {"verb": "pause"})
    assert again.status == 422 and "account.not_moved" in again.html
    browser.post(f"{address}/state", {"verb": "retire"})
    assert 'data-dialog="retire"' not in browser.get(address).html
    assert browser.post(f"{address}/state", {"verb": "burn"}).status == 422


def test_an_account_is_handed_to_somebody_within_reach_who_is_here(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("guan", Role.ADMINISTRATOR, "BT")
    address = f"/accounts/{free.id}"
    browser = house.browser("guan")
    assert browser.post(f"{address}/charge", {"login": "wen"}).status == 404  # of another league
    assert browser.post(f"{address}/charge", {"login": "nobody"}).status == 404
    assert house.browser("fa").post(f"{address}/charge", {"login": "guan"}).status in (403, 404)
    house.newsroom.person("bai", Role.EDITOR, "BT")
    with house.database.write() as session:
        unit = house.newsroom.units["BT"].id
        for login in ("guan", "bai"):
            person = session.get_one(Person, house.newsroom.people[login].id)
            person.unit_id = unit
            session.add(person)
    assert "由 姓名guan 负责" in browser.post(f"{address}/charge", {"login": "guan"}).words
    assert "替补 姓名bai" in browser.post(f"{address}/charge", {"login": "bai", "deputy": "true"}).words
    browser.post("/people/bai/door", {"shut": "true"})
    gone = browser.post(f"{address}/charge", {"login": "bai"})
    assert "person.is_disabled" in gone.html and "姓名guan" in browser.get(address).words


def test_the_chart_has_posts_by_week_and_no_invented_reads(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    at = house.clock.now() - timedelta(days=7)
    with house.database.write() as session:
        session.add(
            Article(
                account_id=free.known_id, remote_id="1", title="文", published_at=at, published_day=at.date()
            )
        )
    option = house.browser("quan").get(f"/accounts/{free.id}/weeks").response.json()
    assert [one["name"] for one in option["series"]] == ["发布篇数"]
    assert option["series"][0]["data"][-2:] == [1, 0] and len(option["xAxis"]["data"]) == 13
