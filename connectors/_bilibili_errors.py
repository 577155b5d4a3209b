"""What Bilibili's codes ask of us (its sheet's section 6, a third party's list)."""

from collections.abc import Iterable

from connectors._errors import Label
from connectors._reactions import (
    BUSY,
    LOOK,
    PARAMETER,
    RENEW,
    SIGN_IN,
    TOMORROW,
    WAIT,
    Reaction,
    Rule,
    Table,
    table,
)

_SIGNATURE = Label(
    "签名不被接受：请核对 Client ID、Client Secret，并校准本机时钟。",
    "The signature is not accepted: check Client ID and Client Secret, and set this machine's clock.",
)
_PERMISSION = Label(
    "应用或账号没有这项权限（白名单）：请在哔哩哔哩开放平台申请。",
    "The app or account lacks this (white-listed) permission: apply for it at the open platform.",
)
_GONE = Label("稿件或分区不存在。", "The video or the section does not exist.")
_MEDIA = Label(
    "平台不能处理这个视频或封面：请更换文件后重新提交。",
    "The platform cannot process this video or cover: choose another file and submit again.",
)

REPEATED = (4004, 123007, 123015, 123035, 123043, 129000, 129015)
_BUSY_CODES = (
    *(4010, 4011, 122009, 122010, 123002, 123023, 123028, 123039, 123044, 129020, 129021),
    *(130004, 130005, 130006, 131001, 141002, 141003, 141005),
)
# "123008-123024 (many)": those of the range that no other row names.
_WRONG = (
    *(4000, 4001, *range(4005, 4010)),
    *(code for code in range(123008, 123025) if code not in (123011, 123015, 123023)),
    *(123030, 123033, 123038, *range(123045, 123057)),
    *(*range(129002, 129007), 129010, 130003),
)
_FORBIDDEN = (123001, *range(127005, 127008), 127010, 127011, 127304, 127305, 130001)


def _perm(codes: Iterable[int], remedy: Label) -> tuple[Iterable[int], Rule]:
    return codes, Rule(Reaction.PERM, remedy)


RULES: Table = {
    "-500": Rule(Reaction.DOUBT, BUSY),
    "-400": Rule(Reaction.ASK, SIGN_IN, account_wide=True),  # an authorisation code or token of OAuth
    **table(
        (_BUSY_CODES, Rule(Reaction.DOUBT, BUSY)),
        ((127009, 127306, 123026), Rule(Reaction.WINDOW, WAIT)),
        (
            (122000, 122001, 122002, 122008, *range(127000, 127005), 127008, 127022, 127023),
            Rule(Reaction.REFRESH, RENEW),
        ),
        ((122007,), Rule(Reaction.ASK, SIGN_IN, account_wide=True)),
        _perm((4002, 4003), _SIGNATURE),
        (_FORBIDDEN, Rule(Reaction.ASK, _PERMISSION)),
        _perm(_WRONG, PARAMETER),
        (REPEATED, Rule(Reaction.RECONCILE, LOOK)),
        _perm((123004, 123005, 123011, 123040, 123041, 129001, 130002, 141004), _GONE),
        ((123029, 123036, 123037, 129009, 129012, 129018), Rule(Reaction.NEXT_DAY, TOMORROW)),
        ((123006, 129022, 130007), Rule(Reaction.ASK, _MEDIA)),
    ),
}
