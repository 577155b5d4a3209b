"""The platforms' signatures against `signature-vectors.md`, and what must not pass."""

import struct
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from connectors._bilibili_signature import bilibili_headers
from connectors._douyin_signature import douyin_share_signature, douyin_webhook_signature
from connectors._signatures import BadSeal, same, wechat_open, wechat_signature

TOKEN = "juzhenToken01"
AES_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
APPID = "wx9f2c61d0a7b3e845"
STAMP, NONCE = "1790000301", "847362"
SEALED = (
    "ZJXHA5gAQfb1Q8BriIjaQwmrfKxLCwR0rrIqpMfYbk0xOpqQw5yPn3/1CXirVqeFTLIyZN9ogcAKd2C7PORPNvhtXU0EiRLTMHRcVLHb"
    "IKBxXTkErbTh/DjT2cYAemI/z5d/aE2BEiIcz4FJcDyJBjRmJaXBtgZBSfAnh50vNhME+z036ipW9jHU4UZhAnWVlRyTR5oERywOjjfx"
    "7oCwxQoXcrQJwKsirPWt/SV31pYoKFL2tTcohAb2aKCLB290oyeILVdPJalJl9E7KGDaLP9neq7d9vmVB9kDEXsTCHxtBmaoS1xapF3N"
    "EoTePs4/syTCHlOgcu6nDrepuEDdEQz5FlGyHd+ij2spHVM/5tTIoFkHJL+9c6mE21WexowQ96NkFjTGjILAzCGbg9pKbIsfsmTQj+0d"
    "hylYtSR1CK50k5484eie/DtShDPOmh4mYsQNzRpBGdqUmCgZwwj/uBcqUFw9lOK4eDK1N850MvNvGQCdd1gik1QPlhvPQNp6"
)
XML = (
    b"<xml><ToUserName><![CDATA[gh_1a2b3c4d5e6f]]></ToUserName><FromUserName><![CDATA[oSysAAAA]]></FromUserName>"
    b"<CreateTime>1790000300</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    b"<Event><![CDATA[PUBLISHJOBFINISH]]></Event><PublishEventInfo><publish_id>2650184411</publish_id>"
    b"<publish_status>0</publish_status></PublishEventInfo></xml>"
)


def encrypted(padded: bytes) -> str:
    key = b64decode(AES_KEY + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def test_wechats_plain_signature_is_over_token_timestamp_and_nonce() -> None:
    assert wechat_signature(TOKEN, STAMP, NONCE) == "b24fcdfc35631be836bbc64c35bc4f89d958bf42"


def test_wechats_msg_signature_is_over_encrypt_too() -> None:
    assert wechat_signature(TOKEN, STAMP, NONCE, SEALED) == "02e0c6439297b970b5c5fe9dd5e9d8274571d458"


def test_one_changed_character_of_encrypt_changes_the_msg_signature() -> None:
    flipped = "A" + SEALED[1:]

    assert wechat_signature(TOKEN, STAMP, NONCE, flipped) != wechat_signature(TOKEN, STAMP, NONCE, SEALED)


def test_the_vector_opens_to_its_xml_and_appid() -> None:
    assert wechat_open(AES_KEY, SEALED) == (XML, APPID)


@pytest.mark.parametrize("last", [0, 33, 255])
def test_a_padding_byte_outside_1_to_32_is_refused(last: int) -> None:
    content = b"0" * 16 + struct.pack(">I", 4) + b"<x/>" + b"wx1"

    with pytest.raises(BadSeal):
        wechat_open(AES_KEY, encrypted(content.ljust(63, b"\1") + bytes([last])))


def test_padding_whose_bytes_differ_is_refused() -> None:
    with pytest.raises(BadSeal):
        wechat_open(AES_KEY, encrypted(b"0" * 60 + b"\4\4\3\4"))


@pytest.mark.parametrize("sealed", ["", "not base64!", "QUJD", SEALED[:-4]])
def test_what_cannot_be_decrypted_is_refused(sealed: str) -> None:
    with pytest.raises(BadSeal):
        wechat_open(AES_KEY, sealed)


def test_a_message_without_room_for_its_length_is_refused() -> None:
    with pytest.raises(BadSeal):
        wechat_open(AES_KEY, encrypted(b"0" * 18 + bytes([14]) * 14))


def test_signatures_are_compared_whatever_they_hold() -> None:
    assert same("abc", "abc")
    assert not same("abc", "签名")


def test_bilibilis_authorization_is_over_the_six_headers() -> None:
    headers = bilibili_headers(
        "cid-0001",
        "sec-0001",
        b'{"name":"week12.mp4","utype":"0"}',
        nonce="7d1a0b52-0000-4000-8000-000000000001",
        timestamp=1790000400,
    )

    assert headers["x-bili-content-md5"] == "b738706d0feb6842062a99193612667a"
    assert headers["Authorization"] == "75e61cc98d23048e07475434356c340338b03c3d6ffc6a621fe001827b07d643"


def test_bilibilis_empty_body_has_the_md5_of_nothing() -> None:
    headers = bilibili_headers(
        "cid-0001", "sec-0001", b"", nonce="7d1a0b52-0000-4000-8000-000000000002", timestamp=1790000401
    )

    assert headers["x-bili-content-md5"] == "d41d8cd98f00b204e9800998ecf8427e"
    assert headers["Authorization"] == "3775cee38b6bee85ed6fb8e7166bad63692a47728b5159854154828e5361025d"


def test_bilibilis_body_that_differs_by_a_blank_is_signed_otherwise() -> None:
    signed = [
        bilibili_headers("c", "s", body, nonce="n", timestamp=1)["Authorization"] for body in (b"{}", b"{ }")
    ]

    assert signed[0] != signed[1]


def test_douyins_webhook_signature_is_over_secret_and_raw_body() -> None:
    body = b'{"event":"verify_webhook","client_key":"ck01","content":{"challenge":90817}}'

    assert douyin_webhook_signature("dysecret01", body) == "31d97ea24fab3995ecb9d2e7600fb91d0e08bd18"
    assert douyin_webhook_signature("dysecret02", body) != "31d97ea24fab3995ecb9d2e7600fb91d0e08bd18"


def test_douyins_share_signature_is_over_the_sorted_keys() -> None:
    assert douyin_share_signature("b5c6d7e8", "nonceA1", 1790000500) == "0c4d63e62e40c9ed6cfd1739f422fc76"
