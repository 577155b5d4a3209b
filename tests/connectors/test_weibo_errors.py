"""Every row of Weibo's error tables (sheet sections 4 and 7), driven through the double."""

from datetime import timedelta
from typing import Any

import pytest
from access import make_access

from config import ManualClock
from connectors import (
    Access,
    ConnectorError,
    NeedsPerson,
    Outgoing,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors._weibo_errors import ARTICLE_RULES, RULES
from connectors.weibo import connector
from sandbox.world import SandboxAccount

SHARE = "/2/statuses/share.json"
COUNTS = "/2/users/counts.json"
ARTICLE = "/proxy/article/publish.json"
HOUR, TEN_MINUTES = timedelta(hours=1), timedelta(minutes=10)

DOUBT = [10001, 10002, 10003, 10009, 10010, 10011, 23201]
WINDOWS = {10004: HOUR, 10022: HOUR, 10023: HOUR, 10024: HOUR, 20016: TEN_MINUTES}
ASK_ACCOUNT = [
    *(10005, 10013, 10014, 20015, 20022, 20031, 21301, 21314, 21315, 21316, 21317, 21321, 21322, 21323),
    *(21324, 21325, 21326, 21327, 21330, 21332, 21335),
]
ASK_POST = [20017, 20018, 20019, 20020, 20021, 21602]
PERM = [
    *(10006, 10007, 10008, 10012, 10016, 10017, 10018, 10020, 10021, 20003, 20005, 20006, 20008, 20012),
    *(20013, 20049, 20101, 20104, 20201, 20202, 20203, 20206, 20207),
]
EVERY = [*DOUBT, *WINDOWS, *ASK_ACCOUNT, *ASK_POST, *PERM]


class Forced:
    """An account whose interfaces always answer with a code."""

    def __init__(self, access: Access, account: SandboxAccount) -> None:
        self.access, self.account = access, account

    def on_share(self, code: int) -> ConnectorError:
        return self._error(SHARE, code, Outgoing("d1", 1, "", "看 https://youth.example.org/"))

    def on_article(self, code: int) -> ConnectorError:
        return self._error(ARTICLE, code, Outgoing("d1", 1, "题", "<p>文</p>", options={"mode": "article"}))

    def _error(self, path: str, code: int, post: Outgoing) -> ConnectorError:
        self.account.switches["error_code"] = {path: code}
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, post)
        return caught.value

    def on_read(self, code: int) -> ConnectorError:
        self.account.switches["error_code"] = {COUNTS: code}
        with pytest.raises(ConnectorError) as caught:
            connector.account_day(self.access, self.access.now().date())
        return caught.value


@pytest.fixture(params=[False, True], ids=["numbers", "text"])
def forced(request: pytest.FixtureRequest, sandbox: Any, clock: ManualClock) -> Forced:
    credentials = {
        "access_token": "2.00madeUpToken",
        "uid": "5500001234",
        "app_key": "1234500000",
        "safe_domain": "youth.example.org",
        "rip": "203.0.113.9",
        "article": "yes",
    }
    switches = {"safe_domain": "youth.example.org", "error_code_as_text": request.param}
    account = sandbox.world.add_account(SandboxAccount("weibo", "binhe", dict(credentials), switches))
    access = make_access(
        "weibo", "binhe", credentials=credentials, api_base=f"{sandbox.url}/weibo", now=clock.now
    )
    return Forced(access, account)


def test_the_table_has_every_row_of_the_sheet_and_no_other() -> None:
    assert sorted(RULES) == sorted(EVERY)
    assert sorted(ARTICLE_RULES) == [10001, 10008, 11001, 11002, 11003]


@pytest.mark.parametrize("code", EVERY)
def test_every_code_comes_with_the_platform_s_words_and_a_remedy(forced: Forced, code: int) -> None:
    for error in (forced.on_share(code), forced.on_read(code)):
        assert error.platform_code == str(code) and error.platform_text
        assert error.remedy and error.remedy.zh and error.remedy.en


@pytest.mark.parametrize("code", DOUBT)
def test_a_busy_platform_leaves_a_share_in_doubt_and_a_read_to_repeat(forced: Forced, code: int) -> None:
    assert type(forced.on_share(code)) is Uncertain
    assert type(forced.on_read(code)) is Unreachable


@pytest.mark.parametrize(("code", "wait"), WINDOWS.items())
def test_a_frequency_waits_for_its_window(forced: Forced, code: int, wait: timedelta) -> None:
    for error in (forced.on_share(code), forced.on_read(code)):
        assert isinstance(error, Throttled)
        assert error.until == forced.access.now() + wait


@pytest.mark.parametrize("code", ASK_ACCOUNT)
def test_what_ails_the_account_needs_a_person_and_stops_it(forced: Forced, code: int) -> None:
    for error in (forced.on_share(code), forced.on_read(code)):
        assert isinstance(error, NeedsPerson) and error.account_wide


@pytest.mark.parametrize("code", ASK_POST)
def test_what_ails_one_post_needs_a_person_for_it_alone(forced: Forced, code: int) -> None:
    error = forced.on_share(code)
    assert isinstance(error, NeedsPerson) and not error.account_wide


@pytest.mark.parametrize("code", PERM)
def test_wrong_data_is_refused_for_good(forced: Forced, code: int) -> None:
    assert type(forced.on_share(code)) is Refused
    assert type(forced.on_read(code)) is Refused


def test_a_missing_domain_is_named_to_the_editor(forced: Forced) -> None:
    error = forced.on_share(10017)
    assert error.remedy and "youth.example.org" in error.remedy.zh


@pytest.mark.parametrize("code", [21328, 99999])
def test_an_unknown_code_needs_a_person_and_is_never_repeated(forced: Forced, code: int) -> None:
    error = forced.on_share(code)
    assert isinstance(error, NeedsPerson) and not error.account_wide


@pytest.mark.parametrize(
    ("code", "expected"),
    [(10001, Uncertain), (10008, Refused), (11001, Throttled), (11002, Uncertain), (11003, Uncertain)],
)
def test_the_article_table_counts_its_codes_anew(
    forced: Forced, code: int, expected: type[ConnectorError]
) -> None:
    error = forced.on_article(code)
    assert type(error) is expected
    assert error.platform_code == str(code) and error.remedy


def test_an_article_may_meet_the_general_table_too(forced: Forced) -> None:
    error = forced.on_article(10014)
    assert isinstance(error, NeedsPerson) and error.account_wide
