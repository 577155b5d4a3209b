"""The error codes that 抖音 and 头条 share: one open platform (the sheet's section 6).

Both lists they come from are third parties': a code that is not here needs a person.
"""

from connectors._errors import Label
from connectors._reactions import (
    BUSY,
    CONTENT,
    PARAMETER,
    RENEW,
    SIGN_IN,
    TOMORROW,
    Reaction,
    Rule,
    Table,
    table,
)

USED_VIDEO = "2190007"
_APP = Label(
    "请核对账号表单里的 Client Key 和 Client Secret。",
    "Check Client Key and Client Secret in the account's form.",
)
_SCOPE = Label(
    "应用没有这项能力或账号没有授权：请在开放平台申请，再请账号负责人重新授权。",
    "The app lacks this capability or the account did not grant it: apply for it, then sign in again.",
)
_REVIEW = Label(
    "应用还在审核中：审核通过后再恢复。", "The app is still under review: resume when it has passed."
)
_BANNED = Label(
    "账号或应用被平台封禁，或账号不能发布，已停止该账号：请登录平台处理后再恢复。",
    "The account or app is banned or may not post; the account is stopped: settle it there, then resume.",
)
_TOO_BIG = Label(
    "视频超过平台的大小或 15 分钟时长：请压缩或剪短。",
    "The video is too big or longer than 15 minutes: compress or cut it.",
)
_USED = Label(
    "平台说这个视频编号不能再用，重新上传一次也不行：请换一个视频文件。",
    "The platform cannot use this upload, nor a second one: choose another video file.",
)

RULES: Table = table(
    (
        (10002, 10005, 10006, 10014, 10015, 2100005, 28001007, 2190015),
        Rule(Reaction.PERM, PARAMETER),
    ),
    ((10003, 10013), Rule(Reaction.ASK, _APP, account_wide=True)),
    ((10004, 2100007, 2190004, 28001014, 28001016, 28001018, 28001019, 16), Rule(Reaction.ASK, _SCOPE)),
    ((2190003,), Rule(Reaction.ASK, _SCOPE, account_wide=True)),
    ((10007, 10010, 10020), Rule(Reaction.ASK, SIGN_IN, account_wide=True)),
    ((10008, 2190002, 2190008, 28001003, 28001008), Rule(Reaction.REFRESH, RENEW)),
    ((10012,), Rule(Reaction.ASK, _REVIEW, account_wide=True)),
    ((2100004, 28001005, 28001006), Rule(Reaction.DOUBT, BUSY)),
    ((2100009, 2190016, 2114005), Rule(Reaction.ASK, _BANNED, account_wide=True)),
    ((2114007, 2190001, 28003017), Rule(Reaction.NEXT_DAY, TOMORROW)),
    ((2190005, 2190006), Rule(Reaction.PERM, _TOO_BIG)),
    ((2190007,), Rule(Reaction.PERM, _USED)),
    ((2111001, 2113001), Rule(Reaction.ASK, CONTENT)),
)
