"""The safe-mode callback: what is let in, what it says, and that polling would say the same."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from access import make_access
from wechat_callback import AES_KEY, APPID, TOKEN, sealed_post

from connectors import (
    CallbackAnswer,
    CallbackRefused,
    CallbackRequest,
    NeedsPerson,
    Receipt,
    ReceiptState,
    connector_for,
)
from connectors._signatures import wechat_signature
from connectors._wechat_callback import CallbackKeys, echo, outcome, receive
from connectors._wechat_outcome import MassSend, Publication, mass_outcome, publication_outcome
from connectors.wechat import connector
from sandbox.platforms._wechat_events import events_of, mass_event, publish_event
from sandbox.world import SandboxAccount

KEYS = CallbackKeys(APPID, TOKEN, AES_KEY)
STAMP = 1790000301
NOW = datetime.fromtimestamp(STAMP, UTC)
ADDRESS = "https://mp.weixin.qq.com/s?__biz=Mzk4MDAwMDAwMQ==&mid=2650184411&idx=1&sn=0f1e2d3c"


def post(inside: str, appid: str = KEYS.appid, stamp: int = STAMP) -> tuple[dict[str, str], bytes]:
    """The query and body of a POST that holds this inner XML."""
    return sealed_post(inside, stamp, appid=appid)


def event(inside: str, name: str = "PUBLISHJOBFINISH") -> str:
    return (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oSys</FromUserName><CreateTime>1790000300</CreateTime>"
        f"<MsgType>event</MsgType><Event><![CDATA[{name}]]></Event>{inside}</xml>"
    )


def publish_info(status: int, inside: str = "") -> str:
    return (
        f"<PublishEventInfo><publish_id>2650184411</publish_id><publish_status>{status}</publish_status>"
        f"{inside}</PublishEventInfo>"
    )


def refused(query: Mapping[str, str], body: bytes, now: datetime = NOW) -> str:
    with pytest.raises(CallbackRefused) as caught:
        receive(KEYS, query, body, now)
    return caught.value.reason


def test_the_address_is_verified_by_its_echo() -> None:
    signature = wechat_signature(KEYS.token, str(STAMP), "847362")
    query = {"timestamp": str(STAMP), "nonce": "847362", "signature": signature, "echostr": "5927"}

    assert echo(KEYS, query, NOW) == "5927"


def test_a_wrong_echo_signature_is_refused() -> None:
    with pytest.raises(CallbackRefused, match="signature"):
        echo(KEYS, {"timestamp": str(STAMP), "nonce": "1", "signature": "0" * 40, "echostr": "x"}, NOW)


def test_an_echo_of_yesterday_is_refused() -> None:
    signature = wechat_signature(KEYS.token, str(STAMP), "1")
    query = {"timestamp": str(STAMP), "nonce": "1", "signature": signature}

    with pytest.raises(CallbackRefused, match="timestamp"):
        echo(KEYS, query, NOW + timedelta(days=1))


@pytest.mark.parametrize("name", ["PUBLISHJOBFINISH", "FREEPUBLISHJOBFINISH"])
def test_a_publication_is_read_under_both_names(name: str) -> None:
    detail = (
        "<article_id>\n<![CDATA[q5Nk]]>\n</article_id><article_detail><count>1</count>"
        f"<item><idx>1</idx><article_url><![CDATA[{ADDRESS}]]></article_url></item></article_detail>"
    )

    found = receive(KEYS, *post(event(publish_info(0, detail), name)), NOW)

    assert found.job == Publication("2650184411", 0, "q5Nk", (ADDRESS,))
    assert found.key == f"oSys|1790000300|{name}|2650184411"


def test_several_failed_articles_come_as_repeated_elements() -> None:
    found = receive(KEYS, *post(event(publish_info(4, "<fail_idx>1</fail_idx><fail_idx>3</fail_idx>"))), NOW)

    assert isinstance(found.job, Publication)
    assert found.job.failed == (1, 3)
    said = outcome(found.job, {})
    assert isinstance(said, NeedsPerson)
    assert not said.account_wide and "1, 3" in said.platform_text


def test_a_mass_send_is_read_with_its_counts() -> None:
    inside = (
        "<MsgID>3147483655</MsgID><Status><![CDATA[send success]]></Status><TotalCount>48213</TotalCount>"
        "<FilterCount>48170</FilterCount><SentCount>48166</SentCount><ErrorCount>4</ErrorCount>"
        "<ArticleUrlResult><Count>1</Count><ResultList><item><ArticleIdx>1</ArticleIdx>"
        f"<ArticleUrl><![CDATA[{ADDRESS}]]></ArticleUrl></item></ResultList></ArticleUrlResult>"
    )

    found = receive(KEYS, *post(event(inside, "MASSSENDJOBFINISH")), NOW)

    assert found.job == MassSend("3147483655", "send success", (ADDRESS,), 48166, 4)
    said = outcome(found.job, {"msg_data_id": "2247489010"})
    assert isinstance(said, Receipt)
    assert (said.state, said.remote_id, said.url) == (ReceiptState.PUBLISHED, "2247489010_1", ADDRESS)
    assert said.detail["sent"] == "48166"


def test_an_event_that_is_none_of_ours_has_no_job() -> None:
    found = receive(KEYS, *post(event("", "subscribe")), NOW)

    assert found.job is None


def test_the_same_event_has_the_same_key_and_another_an_other() -> None:
    one, other = event(publish_info(0)), event(publish_info(0)).replace("1790000300", "1790000299")
    keys = [receive(KEYS, *post(xml), NOW).key for xml in (one, one, other)]

    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("copies", [0, 1, 2])
def test_the_doubles_events_open_and_repeat(copies: int) -> None:
    account = SandboxAccount("wechat", "binhe", {"appid": KEYS.appid})
    account.switches = {"callback": {"token": KEYS.token, "aes_key": KEYS.encoding_aes_key}, "events": copies}
    publish_event(account, 7, 0, [ADDRESS], "q5Nk", NOW)
    mass_event(account, 8, "err(20001)", [], "", NOW)

    opened = [receive(KEYS, posted.query, posted.body, NOW) for posted in events_of(account)]

    assert len({found.key for found in opened}) == min(copies, 1) * 2
    assert len(opened) == copies * 2
    assert all(found.job for found in opened)


def test_the_size_is_looked_at_first() -> None:
    assert refused({}, b"x" * (64 * 1024 + 1)) == "too-large"


def test_one_changed_character_fails_before_decryption() -> None:
    query, body = post(event(publish_info(0)))
    at = body.index(b"CDATA[") + 10
    spoilt = body[:at] + (b"A" if body[at : at + 1] != b"A" else b"B") + body[at + 1 :]

    assert refused(query, spoilt) == "msg_signature"


def test_the_plain_signature_protects_nothing() -> None:
    query, body = post(event(publish_info(0)))
    plain = {**query, "signature": wechat_signature(KEYS.token, str(STAMP), "847362")}
    del plain["msg_signature"]

    assert refused(plain, body) == "msg_signature"


def test_a_plain_body_is_refused() -> None:
    query, _ = post("")

    assert refused(query, event(publish_info(0)).encode()) == "msg_signature"


@pytest.mark.parametrize("seconds", [301, -301])
def test_a_message_out_of_its_five_minutes_is_refused(seconds: int) -> None:
    query, body = post(event(publish_info(0)))

    assert refused(query, body, NOW + timedelta(seconds=seconds)) == "timestamp"
    assert receive(KEYS, query, body, NOW + timedelta(seconds=300)).job


def test_a_message_sealed_for_another_appid_is_refused() -> None:
    assert refused(*post(event(publish_info(0)), appid="wx0000000000000000")) == "appid"


@pytest.mark.parametrize(
    "inner",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]><xml><Event>&a;</Event></xml>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        "<xml><unclosed></xml>",
        "",
        "\x00",
    ],
)
def test_xml_that_is_broken_or_defines_anything_is_refused(inner: str) -> None:
    assert refused(*post(inner)) == "xml"


def test_an_outer_document_with_entities_is_refused() -> None:
    assert refused({}, b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>') == "xml"


@pytest.mark.parametrize(
    "inside", ["", publish_info(0).replace("2650184411", ""), publish_info(0).replace(">0<", ">none<")]
)
def test_a_finish_event_without_its_job_is_refused(inside: str) -> None:
    assert refused(*post(event(inside))) == "event"


def test_keys_do_not_show_their_secrets() -> None:
    assert KEYS.token not in repr(KEYS) and KEYS.encoding_aes_key not in repr(KEYS)


@pytest.mark.parametrize(
    ("status", "addresses", "state"),
    [
        (0, (ADDRESS,), ReceiptState.PUBLISHED),
        (0, (), ReceiptState.ACCEPTED),  # success is not enough: the address must be there
        (1, (), ReceiptState.ACCEPTED),
        (5, (ADDRESS,), ReceiptState.PUBLISHED),
    ],
)
def test_a_publish_status_becomes_a_receipt(
    status: int, addresses: tuple[str, ...], state: ReceiptState
) -> None:
    said = publication_outcome(Publication("26", status, "a", addresses), {"key": "d1"})

    assert isinstance(said, Receipt)
    assert (said.state, said.detail["key"]) == (state, "d1")
    assert (said.note is not None) == (status == 5)


@pytest.mark.parametrize("status", [2, 3, 4, 6, 7, -1])
def test_every_other_publish_status_asks_a_person_about_this_post(status: int) -> None:
    said = publication_outcome(Publication("26", status, "", (), (1,)), {})

    assert isinstance(said, NeedsPerson)
    assert not said.account_wide and said.remedy is not None


@pytest.mark.parametrize(
    ("detail", "address", "expected"),
    [
        ({"msg_data_id": "2247489010"}, ADDRESS, "2247489010_1"),
        ({"publish_id": "7"}, ADDRESS, "2650184411_1"),
        ({"publish_id": "7", "article_id": "q5Nk"}, "https://mp.weixin.qq.com/s/XXXX", "q5Nk"),
        ({"msg_id": "3147483655"}, "", "3147483655"),
    ],
)
def test_the_remote_id_is_what_statistics_call_the_article(
    detail: dict[str, str], address: str, expected: str
) -> None:
    job = Publication(detail.get("publish_id", ""), 0, detail.get("article_id", ""), (address,))
    said = (
        mass_outcome(MassSend(detail["msg_id"], "SEND_SUCCESS"), detail)
        if "msg_id" in detail
        else publication_outcome(job, detail)
    )

    assert isinstance(said, Receipt)
    assert said.remote_id == expected


@pytest.mark.parametrize(
    "status",
    [
        *("send fail", "SEND_FAIL", "DELETE", "err(10001)", "err(20001)", "err(20002)", "err(20004)"),
        *("err(20006)", "err(20008)", "err(20013)", "err(21000)", "err(22000)", "err(30001)", "err(30002)"),
        *("err(30003)", "err(40001)", "err(40002)", "ERR (40002)", "err(99999)"),
    ],
)
def test_every_failed_mass_status_asks_a_person_about_this_post(status: str) -> None:
    said = mass_outcome(MassSend("31", status), {})

    assert isinstance(said, NeedsPerson)
    assert not said.account_wide and said.remedy is not None and said.platform_text == status


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("send success", ReceiptState.PUBLISHED),
        ("SEND_SUCCESS", ReceiptState.PUBLISHED),
        ("SENDING", ReceiptState.ACCEPTED),
    ],
)
def test_the_other_mass_statuses_are_receipts(status: str, state: ReceiptState) -> None:
    said = mass_outcome(MassSend("31", status), {})

    assert isinstance(said, Receipt)
    assert said.state is state


def asked(method: str, query: Mapping[str, str], body: bytes = b"", **credentials: str) -> CallbackAnswer:
    """What the connector answers to a request at an account with these credentials."""
    held = {"appid": KEYS.appid, "callback_token": KEYS.token, "encoding_aes_key": KEYS.encoding_aes_key}
    access = make_access(
        "wechat", "binhe", credentials={**held, **credentials}, api_base="http://127.0.0.1:9", now=lambda: NOW
    )
    return connector.callback(access, CallbackRequest(method, query, body))


def test_the_connector_names_the_job_as_its_receipt_does() -> None:
    detail = "<article_id>q5Nk</article_id>"
    told = asked("POST", *post(event(publish_info(0, detail))))
    assert (told.body, told.remote_id, told.name) == ("success", "2650184411", "PUBLISHJOBFINISH")
    assert not told.once and len(told.key) == 64
    mass = "<MsgID>3147483655</MsgID><Status>send success</Status>"
    assert asked("POST", *post(event(mass, "MASSSENDJOBFINISH"))).remote_id == "3147483655"
    assert asked("POST", *post(event("", "subscribe"))).remote_id == ""


def test_the_connector_answers_a_verification_once() -> None:
    signature = wechat_signature(KEYS.token, str(STAMP), "1")
    query = {"timestamp": str(STAMP), "nonce": "1", "signature": signature, "echostr": "5927"}
    told = asked("GET", query)
    assert (told.body, told.once, told.remote_id) == ("5927", True, "")
    assert told.key == asked("GET", {**query, "echostr": "other"}).key
    with pytest.raises(CallbackRefused, match="echostr"):
        asked("GET", {**query, "echostr": "x" * 129})


@pytest.mark.parametrize("missing", ["callback_token", "encoding_aes_key"])
def test_an_account_without_callback_credentials_hears_nothing(missing: str) -> None:
    with pytest.raises(CallbackRefused, match="not-set-up"):
        asked("POST", *post(event(publish_info(0))), **{missing: ""})


def test_platforms_that_do_not_call_back_refuse_everything() -> None:
    access = make_access("webhook", "x", credentials={}, api_base="http://127.0.0.1:9", now=lambda: NOW)
    with pytest.raises(CallbackRefused, match="no-callback"):
        connector_for("webhook").callback(access, CallbackRequest("POST", {}, b""))
