"""WeChat's third-party platform: tickets, scans, tokens without secrets, and all that gets lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from access import MemoryStore, make_access

from config import ManualClock
from connectors import (
    Access,
    Authorised,
    CallbackRefused,
    CallbackRequest,
    NeedsPerson,
    Throttled,
    Unauthorised,
)
from connectors._wechat_api import WeChatApi
from connectors._wechat_tokens import REFRESH
from connectors.wechat import connector as wechat
from connectors.wechat_thirdparty import connector
from sandbox.platforms import _wechat_component as office
from sandbox.platforms._wechat_events import EventPost
from sandbox.world import SandboxAccount, World

COMPONENT = {
    "component_appid": "wx00000000000000c0",
    "component_appsecret": "0123456789abcdef0123456789abcdef",
    "callback_token": "officeToken01",
    "encoding_aes_key": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
}
TOKEN_CALL = "POST /wechat/cgi-bin/component/api_component_token"
REFRESH_CALL = "POST /wechat/cgi-bin/component/api_authorizer_token"


class Office:
    """A regional office's platform in the world, and accounts of universities that authorise it."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock, self.base = world, clock, f"{url}/wechat"
        keys = {"token": COMPONENT["callback_token"], "aes_key": COMPONENT["encoding_aes_key"]}
        self.component = world.add_account(
            SandboxAccount("wechat", "office", dict(COMPONENT), {"callback": keys})
        )
        self.memory = MemoryStore(clock.now)
        self.via = make_access(
            "wechat_thirdparty",
            "office",
            credentials=COMPONENT,
            api_base=self.base,
            now=clock.now,
            memory=self.memory,
        )

    def university(self, name: str, **switches: Any) -> SandboxAccount:
        appid = f"wx{name.encode().hex():0>16}"[:18]
        return self.world.add_account(SandboxAccount("wechat", name, {"appid": appid}, switches))

    def push(self) -> None:
        self.hear(office.push_ticket(self.world, self.component))

    def hear(self, post: EventPost) -> str:
        return connector.callback(self.via, CallbackRequest("POST", post.query, post.body)).name

    def scan(self, account: SandboxAccount) -> Authorised:
        code, post = office.authorise(self.world, self.component, account)
        self.hear(post)
        return connector.authorised(self.via, code)

    def access(self, given: Authorised) -> Access:
        """The account as the house opens it, with what was to be remembered."""
        made = make_access(
            "wechat",
            given.handle,
            credentials=given.credentials,
            api_base=self.base,
            verified=given.verified,
            now=self.clock.now,
        )
        for key, value in given.remembered.items():
            made.memory.put(key, value)
        return replace(made, via=self.via)

    def wait(self, **step: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**step))
        self.world.move_to(self.clock.now())

    def calls(self, name: str) -> int:
        return self.world.calls.get(name, 0)


@pytest.fixture
def stage(sandbox, clock: ManualClock) -> Office:  # type: ignore[no-untyped-def]
    return Office(sandbox.world, clock, sandbox.url)


def refused(kind: type[Exception], call: Callable[[], object]) -> Any:
    with pytest.raises(kind) as error:
        call()
    return error.value


def test_hundreds_are_used_without_a_secret_of_theirs(stage: Office) -> None:
    stage.push()
    link = connector.link(stage.via, "https://meizhen.example.edu.cn/")
    assert "pre_auth_code=preauthcode" in link.url and "redirect_uri=https%3A%2F%2Fmeizhen" in link.url
    assert link.until == stage.clock.now() + timedelta(seconds=600)
    given = stage.scan(stage.university("nm"))
    assert (given.platform, given.name, given.verified, given.missing) == ("wechat", "账号nm", True, ())
    assert set(given.credentials) == {"appid", "kind"}
    access = stage.access(given)
    assert all(finding.fine for finding in wechat.check(access))
    assert "refreshtoken" not in repr(given)
    assert connector.check(stage.via)[0].told.en == "It works; authorisations: 1."


def test_what_was_not_granted_is_told(stage: Office) -> None:
    stage.push()
    given = stage.scan(stage.university("nm", scopes=[2], verified=False, service=True))
    assert [label.en for label in given.missing] == ["mass sends and notices (publishing)", "materials"]
    assert (given.verified, given.credentials["kind"]) == (False, "service")


def test_tokens_are_renewed_and_every_new_refresh_token_is_kept(stage: Office) -> None:
    stage.push()
    access = stage.access(stage.scan(stage.university("nm")))
    first = WeChatApi(access).token()
    kept = access.memory.get(REFRESH)
    stage.wait(hours=2)
    assert WeChatApi(access).token() != first
    assert access.memory.get(REFRESH) != kept
    assert stage.calls(TOKEN_CALL) == 2


def test_without_a_ticket_a_push_is_asked_for_once_and_a_person_after_twelve_hours(stage: Office) -> None:
    error = refused(Throttled, lambda: connector.link(stage.via, "https://a.cn/"))
    assert (error.platform_code, error.app_wide) == ("no-ticket", True)
    assert error.until > stage.clock.now()
    refused(Throttled, lambda: connector.link(stage.via, "https://a.cn/"))
    assert stage.component.state["pushes"] == 1
    stage.wait(minutes=11)
    refused(Throttled, lambda: connector.link(stage.via, "https://a.cn/"))
    assert stage.component.state["pushes"] == 2
    stage.wait(hours=13)
    assert (
        refused(NeedsPerson, lambda: connector.link(stage.via, "https://a.cn/")).platform_code == "no-ticket"
    )
    stage.push()
    assert connector.link(stage.via, "https://a.cn/").url


def test_a_ticket_that_the_platform_does_not_take_is_forgotten(stage: Office) -> None:
    stage.push()
    stage.component.state["tickets"].clear()
    refused(Throttled, lambda: connector.link(stage.via, "https://a.cn/"))
    stage.push()
    assert connector.link(stage.via, "https://a.cn/").url


def test_an_older_ticket_never_takes_the_place_of_a_newer_one(stage: Office) -> None:
    old = office.push_ticket(stage.world, stage.component)
    stage.wait(seconds=30)
    stage.push()
    kept = stage.memory.get("ticket-token")
    stage.hear(old)
    assert stage.memory.get("ticket-token") == kept


def test_a_lost_refresh_token_comes_back_from_the_list(stage: Office) -> None:
    stage.push()
    account = stage.university("nm")
    access = stage.access(stage.scan(account))
    access.memory.forget(REFRESH)
    assert WeChatApi(access).token().startswith("92_")
    # One that died on its way to us: the platform made a newer, we never saw it.
    office.renew_refresh(stage.world, stage.component, account.credentials["appid"])
    stage.wait(hours=2)
    assert WeChatApi(access).token().startswith("92_")
    found = connector.recover(stage.via)
    assert found[account.credentials["appid"]][REFRESH] == access.memory.get(REFRESH)


def test_an_account_that_is_on_no_list_has_to_be_scanned_again(stage: Office) -> None:
    stage.push()
    account = stage.university("nm")
    access = stage.access(stage.scan(account))
    office.withdraw(stage.world, stage.component, account)  # whose event is lost
    error = refused(NeedsPerson, WeChatApi(access).token)
    assert error.platform_code == "61003" and "scan" in error.remedy.en
    access.memory.forget(REFRESH)
    assert refused(NeedsPerson, WeChatApi(access).token).platform_code == "61023"


def test_a_withdrawn_account_is_not_used_again_though_its_token_is_held(stage: Office) -> None:
    stage.push()
    account = stage.university("nm")
    access = stage.access(stage.scan(account))
    api = WeChatApi(access)
    api.token()
    assert stage.hear(office.withdraw(stage.world, stage.component, account)) == "unauthorized"
    before = dict(stage.world.calls)
    assert refused(NeedsPerson, lambda: api.get("/cgi-bin/user/get")).account_wide
    refused(NeedsPerson, lambda: wechat.refresh(access))
    assert stage.world.calls == before
    stage.wait(seconds=5)
    again = stage.scan(account)
    for key, value in again.remembered.items():
        access.memory.put(key, value)
    wechat.refresh(access)
    assert WeChatApi(access).get("/cgi-bin/user/get")["total"] > 0


def test_events_in_the_wrong_order_leave_the_account_withdrawn(stage: Office) -> None:
    stage.push()
    account = stage.university("nm")
    given = stage.scan(account)
    _, late = office.authorise(stage.world, stage.component, account)
    stage.wait(seconds=5)
    stage.hear(office.withdraw(stage.world, stage.component, account))
    stage.hear(late)
    refused(NeedsPerson, WeChatApi(stage.access(given)).token)


def test_codes_that_were_heard_are_used_once_and_end_after_an_hour(stage: Office) -> None:
    stage.push()
    one, two = stage.university("nm"), stage.university("hh")
    for account in (one, two):
        _, post = office.authorise(stage.world, stage.component, account, "preauth@@@1")
        stage.hear(post)
    first, second = connector.heard(stage.via)
    assert (first.handle, first.key) == (one.credentials["appid"], "preauth@@@1")
    connector.authorised(stage.via, first.code)
    assert connector.heard(stage.via) == (second,)
    assert refused(NeedsPerson, lambda: connector.authorised(stage.via, first.code)).platform_code == "61009"
    stage.wait(hours=1)
    assert connector.heard(stage.via) == ()
    assert refused(NeedsPerson, lambda: connector.authorised(stage.via, second.code)).platform_code == "61010"


def test_the_components_own_token_is_renewed_where_it_died_early(stage: Office) -> None:
    stage.push()
    access = stage.access(stage.scan(stage.university("nm")))
    stage.component.state["component_tokens"].clear()
    assert WeChatApi(access).token().startswith("92_")


def test_many_at_once_fetch_one_component_token_and_one_token_each(stage: Office) -> None:
    stage.push()
    accesses = [stage.access(stage.scan(stage.university(f"u{number}"))) for number in range(3)]
    stage.wait(hours=2)
    before = stage.calls(TOKEN_CALL), stage.calls(REFRESH_CALL)
    tokens: list[tuple[int, str]] = []
    failed: list[BaseException] = []

    def fetch(number: int) -> None:
        try:
            tokens.append((number, WeChatApi(accesses[number]).token()))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=fetch, args=(number % 3,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert len(tokens) == 12 and len(set(tokens)) == 3
    assert (stage.calls(TOKEN_CALL), stage.calls(REFRESH_CALL)) == (before[0] + 1, before[1] + 3)
    for access in accesses:  # what each kept is what the platform has
        assert access.memory.get(REFRESH) in stage.component.state["refreshes"].values()


def test_a_dead_token_of_an_account_is_unauthorised_and_renewed(stage: Office) -> None:
    stage.push()
    account = stage.university("nm")
    access = stage.access(stage.scan(account))
    api = WeChatApi(access)
    api.token()
    account.state["tokens"].clear()
    refused(Unauthorised, lambda: api.get("/cgi-bin/user/get"))
    wechat.refresh(access)
    assert WeChatApi(access).get("/cgi-bin/user/get")["total"] > 0


@pytest.mark.parametrize("change", ["body", "token", "old", "get", "appid", "unsealed"])
def test_what_is_not_the_platforms_is_refused_and_remembered_nowhere(stage: Office, change: str) -> None:
    post = office.push_ticket(stage.world, stage.component)
    query, body, method, via = dict(post.query), post.body, "POST", stage.via
    if change == "body":
        body = body.replace(b"<Encrypt><![CDATA[", b"<Encrypt><![CDATA[AAAA")
    elif change == "token":
        via = replace(via, credentials={**COMPONENT, "callback_token": "another"})
    elif change == "old":
        stage.wait(minutes=6)
    elif change == "get":
        method = "GET"
    elif change == "appid":
        via = replace(via, credentials={**COMPONENT, "component_appid": "wx00000000000000c1"})
    else:
        body = b"<xml><InfoType>component_verify_ticket</InfoType></xml>"
    refused(CallbackRefused, lambda: connector.callback(via, CallbackRequest(method, query, body)))
    assert stage.memory.get("ticket-token") is None


def test_accounts_of_one_platform_wait_together_and_apart_from_those_with_a_secret(stage: Office) -> None:
    stage.push()
    one, two = (stage.access(stage.scan(stage.university(name))) for name in ("nm", "hh"))
    assert wechat.gate(one) == wechat.gate(two) != wechat.gate(replace(one, via=None))
