"""Every row of WeChat's error tables (sheet sections 2 to 6 and 8 to 11), driven through the double."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from access import MemoryStore, make_access

from config import ManualClock
from connectors import (
    Access,
    ConnectorError,
    NeedsPerson,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors._wechat_api import Step, WeChatApi
from connectors._wechat_codes import DONE, RULES, Window, error_for
from connectors.wechat import connector
from sandbox.world import BEIJING, Fault, SandboxAccount

APPID, SECRET = "wx9f2c61d0a7b3e845", "0123456789abcdef0123456789abcdef"
PATH = "/cgi-bin/draft/batchget"
TOKEN_PATH = "/cgi-bin/stable_token"

REFRESH = [40001, 40014, 42001]
MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=BEIJING) - datetime(2026, 3, 2, 1, tzinfo=UTC)
WINDOWS = {
    45009: MIDNIGHT,
    45011: MINUTE,
    45028: MIDNIGHT,
    45066: MINUTE,
    42010: 5 * MINUTE,
    53501: 5 * MINUTE,
    61503: 30 * MINUTE,
}
ASK_ACCOUNT = [
    *(40013, 40125, 40164, 89503, 89501, 89502, 89506, 89507, 40243, 42007, 61004),  # section 2
    *(48001, 53500, 48003),  # sections 5, 6
    *(61003, 61005, 61006, 61007, 61009, 61010, 61023),  # section 10
    *(48002, 48004, 48008, 50001, 50002),  # section 11
]
ASK_POST = [48005, 53503, 53504, 53505, 89504, 89505, 45062, 88000, 87014]
PERM = [
    *(41001, 76003, 76022, 48006),  # section 2
    *(40004, 40005, 40006, 40009, 40137, 45001, 44001, 41005, 40007, 45007),  # section 3
    *(45003, 45110, 45004, 45002, 45166, 41039, 53404, 53405, 53406, 40114, 40033),  # section 4
    *(53502, 53600),  # section 5
    *(45067, 40130, 40032, 45083, 45084, 40008, 40152, 45159, 40031, 45113, 40059, 40060, 40065, 40204),
    *(88001, 88002, 88003, 88004, 88005, 88007, 88008, 88009, 88010),  # section 8
    *(61500, 61501, 47009),  # section 9
    *(40035, 47001, 44002, 43002, 40003, 44003, 44004, 45005, 45006, 45008, 87009, 9001001),  # section 11
]
BANS = {89501: 5 * MINUTE, 89502: 5 * MINUTE, 89503: 5 * MINUTE, 89506: 24 * 60 * MINUTE, 89507: 60 * MINUTE}
EVERY = [-1, *REFRESH, *WINDOWS, *ASK_ACCOUNT, *ASK_POST, *PERM]


@pytest.fixture
def account(sandbox: Any) -> SandboxAccount:
    credentials = {"appid": APPID, "secret": SECRET}
    return sandbox.world.add_account(SandboxAccount("wechat", "binhe", credentials))  # type: ignore[no-any-return]


@pytest.fixture
def access(sandbox: Any, account: SandboxAccount, clock: ManualClock) -> Access:
    return make_access(
        "wechat",
        "binhe",
        credentials=account.credentials,
        api_base=f"{sandbox.url}/wechat",
        now=clock.now,
        memory=MemoryStore(clock.now),
    )


def forced(access: Access, account: SandboxAccount, code: int, step: Step = Step.READ) -> ConnectorError:
    """The error of a call that is answered with this code."""
    account.switches["errcode"] = {PATH: code}
    with pytest.raises(ConnectorError) as caught:
        WeChatApi(access).post(PATH, {"offset": 0, "count": 1}, step=step)
    return caught.value


def test_the_tables_name_every_code_once_and_none_beside() -> None:
    assert sorted(EVERY) == sorted(set(RULES) - {DONE})


@pytest.mark.parametrize("code", EVERY)
def test_every_code_keeps_its_words_its_trace_and_a_remedy_in_both_languages(
    access: Access, account: SandboxAccount, code: int
) -> None:
    error = forced(access, account, code)

    assert error.platform_code == str(code)
    assert error.platform_text and "rid" not in error.platform_text
    assert len(error.request_id) == 26
    assert error.remedy is not None and error.remedy.zh and error.remedy.en
    assert "{" not in error.remedy.zh + error.remedy.en


@pytest.mark.parametrize("code", REFRESH)
def test_a_dead_token_is_renewed_once(access: Access, account: SandboxAccount, code: int) -> None:
    assert isinstance(forced(access, account, code), Unauthorised)


@pytest.mark.parametrize("code", REFRESH)
def test_a_token_call_that_says_so_needs_a_person(access: Access, account: SandboxAccount, code: int) -> None:
    account.switches["errcode"] = {TOKEN_PATH: code}

    with pytest.raises(NeedsPerson):
        connector.refresh(access)


@pytest.mark.parametrize("code", list(WINDOWS))
def test_a_closed_window_tells_when_it_opens(
    access: Access, account: SandboxAccount, clock: ManualClock, code: int
) -> None:
    error = forced(access, account, code)

    assert isinstance(error, Throttled)
    assert error.until - clock.now() == WINDOWS[code]


def test_the_mass_quota_of_a_service_account_is_new_next_month(clock: ManualClock) -> None:
    error = error_for(45028, "has no masssend quota", now=clock.now(), monthly=True)

    assert isinstance(error, Throttled)
    assert error.until == datetime(2026, 4, 1, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=BEIJING)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=BEIJING)),
    ],
)
def test_a_day_ends_at_midnight_in_beijing(now: datetime, until: datetime) -> None:
    assert Window.MIDNIGHT.ends(now) == until


@pytest.mark.parametrize("code", ASK_ACCOUNT)
def test_what_concerns_the_account_pauses_it(access: Access, account: SandboxAccount, code: int) -> None:
    error = forced(access, account, code)

    assert isinstance(error, NeedsPerson)
    assert error.account_wide


@pytest.mark.parametrize("code", ASK_POST)
def test_what_concerns_the_post_leaves_the_account_running(
    access: Access, account: SandboxAccount, code: int
) -> None:
    error = forced(access, account, code)

    assert isinstance(error, NeedsPerson)
    assert not error.account_wide


@pytest.mark.parametrize("code", list(BANS))
def test_a_ban_tells_when_asking_again_makes_sense(
    access: Access, account: SandboxAccount, clock: ManualClock, code: int
) -> None:
    error = forced(access, account, code)

    assert isinstance(error, NeedsPerson)
    assert error.until == clock.now() + BANS[code]


@pytest.mark.parametrize("code", PERM)
def test_bad_data_is_refused(access: Access, account: SandboxAccount, code: int) -> None:
    assert isinstance(forced(access, account, code), Refused)


@pytest.mark.parametrize(
    ("step", "kind"), [(Step.READ, Unreachable), (Step.PREPARE, Unreachable), (Step.PUBLIC, Uncertain)]
)
def test_busy_is_uncertain_for_the_public_write_only(
    access: Access, account: SandboxAccount, step: Step, kind: type[ConnectorError]
) -> None:
    assert type(forced(access, account, -1, step)) is kind


@pytest.mark.parametrize("code", [99999, 10, -2])
@pytest.mark.parametrize("step", list(Step))
def test_an_unknown_code_needs_a_person_and_is_never_retried(
    access: Access, account: SandboxAccount, code: int, step: Step
) -> None:
    assert isinstance(forced(access, account, code, step), NeedsPerson)


@pytest.mark.parametrize(
    ("errmsg", "ip"),
    [
        ("invalid ip 203.0.113.7, not in whitelist rid: 66f0a1b2-0c3d4e5f-6a7b8c9d", "203.0.113.7"),
        ("invalid ip 198.51.100.23 ipv6 ::ffff:198.51.100.23, not in whitelist", "198.51.100.23"),
        ("invalid ip ::1, not in whitelist", "?"),
    ],
)
def test_the_remedy_shows_the_address_to_list(clock: ManualClock, errmsg: str, ip: str) -> None:
    remedy = error_for(40164, errmsg, now=clock.now()).remedy

    assert remedy is not None
    assert f" {ip} " in remedy.zh and f" {ip} " in remedy.en


def test_our_address_off_the_whitelist_is_told_from_the_platforms_words(
    access: Access, account: SandboxAccount
) -> None:
    account.switches["ip_not_listed"] = True

    with pytest.raises(NeedsPerson) as caught:
        connector.refresh(access)

    assert caught.value.platform_code == "40164"
    assert caught.value.remedy is not None and "127.0.0.1" in caught.value.remedy.en


@pytest.mark.parametrize("field", ["appid", "secret"])
def test_wrong_credentials_need_a_person(
    sandbox: Any, account: SandboxAccount, clock: ManualClock, field: str
) -> None:
    wrong = account.credentials | {field: "wx0000000000000000"}
    access = make_access(
        "wechat", "binhe", credentials=wrong, api_base=f"{sandbox.url}/wechat", now=clock.now
    )

    with pytest.raises(NeedsPerson):
        connector.refresh(access)


@pytest.mark.parametrize(
    ("kind", "value", "step", "expected"),
    [
        ("status", "500", Step.READ, Unreachable),
        ("status", "502", Step.PREPARE, Unreachable),
        ("status", "500", Step.PUBLIC, Uncertain),
        ("status", "404", Step.READ, Unreachable),
        ("throttle", "120", Step.PUBLIC, Throttled),
        ("html", "", Step.PREPARE, Unreachable),
        ("html", "", Step.PUBLIC, Uncertain),
        ("null", "", Step.PUBLIC, Uncertain),
        ("truncated_json", "", Step.READ, Unreachable),
        ("cut_after", "", Step.PREPARE, Unreachable),
        ("cut_after", "", Step.PUBLIC, Uncertain),
    ],
)
def test_a_spoilt_answer_is_doubted_as_its_step_asks(
    sandbox: Any, access: Access, kind: str, value: str, step: Step, expected: type[ConnectorError]
) -> None:
    sandbox.world.set_faults(Fault(kind, path=PATH, value=value))

    with pytest.raises(expected) as caught:
        WeChatApi(access).post(PATH, {"offset": 0, "count": 1}, step=step)

    assert type(caught.value) is expected


def test_a_gateways_limit_ends_when_it_says(sandbox: Any, access: Access, clock: ManualClock) -> None:
    sandbox.world.set_faults(Fault("throttle", path=PATH, value="120"))

    with pytest.raises(Throttled) as caught:
        WeChatApi(access).post(PATH, {"offset": 0, "count": 1})

    assert caught.value.until - clock.now() == timedelta(seconds=120)
