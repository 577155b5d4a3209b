"""Meta's error table: what the code in `error` asks of us, whichever of its platforms says it.

Facts from `../shared/platforms/meta.md`, section "Common".
"""

from datetime import timedelta

from connectors._errors import Label
from connectors._reactions import BUSY, LOOK, PARAMETER, WAIT, Reaction, Rule, Table, table

PERMISSION = 10
BAD_PARAMETER = 100
NO_METRIC = 3001  # with subcode 1504028: no metric specified
DUPLICATE = 506
APP_LIMIT = 4
NEW_TOKEN = Label(
    "访问令牌已失效或被撤回：请账号管理员重新授权，把新令牌填进账号表单。",
    "The access token has ended or was withdrawn: its administrator authorises again; enter the new token.",
)
RIGHTS = Label(
    "令牌缺少权限，或权限没有通过应用审核：请在 Meta 开发者后台补齐后重新授权。",
    "The token lacks a permission or the app's review: complete it at Meta for Developers, authorise again.",
)
BLOCKED = Label(
    "平台因政策拦下了这个动作：请账号管理员登录查看通知，处理完再继续。",
    "The platform blocked this for its policies: the administrator looks at its notices, then goes on.",
)
POSTS_USED_UP = Label(
    "平台 24 小时内的发布条数已用完，有空位后自动继续。",
    "The platform's posts of 24 hours are used up; goes on by itself.",
)
_METRIC = Label(
    "平台不认识这个指标：先停用它，其余照常；请管理员更新指标名。",
    "The platform knows no such metric: it is left out, the rest goes on; have its name updated.",
)
_HOUR = timedelta(hours=1)
# How long to wait where no header says it.
_WINDOW = timedelta(minutes=15)

RULES: Table = table(
    ((190, 102), Rule(Reaction.ASK, NEW_TOKEN, account_wide=True)),
    ((PERMISSION, *range(200, 300), 3), Rule(Reaction.ASK, RIGHTS, account_wide=True)),
    ((APP_LIMIT, 17, 32, 613, *range(80001, 80007)), Rule(Reaction.WINDOW, WAIT, window=_WINDOW)),
    ((1, 2), Rule(Reaction.DOUBT, BUSY)),
    ((BAD_PARAMETER,), Rule(Reaction.PERM, PARAMETER)),
    ((NO_METRIC,), Rule(Reaction.PERM, _METRIC)),
    ((368,), Rule(Reaction.ASK, BLOCKED, account_wide=True)),
    ((DUPLICATE,), Rule(Reaction.RECONCILE, LOOK)),
    ((9,), Rule(Reaction.WINDOW, POSTS_USED_UP, window=_HOUR)),
)
