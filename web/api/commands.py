"""Which route does what a command does; and which commands have none, with the reason.

`tests/web/api/test_commands.py` holds it to the commands and the routes that there are: a new command with
neither fails the build.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """Why a command is no route, in both languages."""

    zh: str
    en: str


_MACHINE = Reason(
    "只在装着它的机器上做:进程、目录、密钥文件。",
    "Done on the machine itself: its processes, folders and key file.",
)
_ALL_OF_IT = Reason(
    "备份里是整个家,只由机器的主人带走;恢复时家还不在。",
    "A backup is the whole house: only the machine's owner takes it away, and a restore begins without one.",
)
_NO_KEY = Reason(
    "还没有密码的人自己用一次性代码做,不经过程序:控制台或命令行。",
    "Done with a one-time code by a person who has no password yet, never by a program: console or shell.",
)
_FILES = Reason(
    "读写机器上的一组文件;程序要的内容由旁边的路由给出。",
    "Reads or writes files of the machine; what a program needs of them the routes beside it give.",
)
_BESIDE = Reason(
    "表里写的是旁边的素材文件名,服务器上的文件不能由请求来点名;程序逐篇 `POST /deliveries`,素材按哈希。",
    "Its table names files beside it, and no request may name a file of the server: a program queues posts "
    "by `POST /deliveries`, with media by hash.",
)
_LONG = Reason(
    "要跑几分钟以上;由节点或控制台在后台做。",
    "Takes minutes or more: nodes and the console do it in the background.",
)
_SCAN = Reason(
    "账号管理员要在场扫码,授权码由平台回调给节点,不经过程序。",
    "An administrator of the account scans a code; the platform tells the node, not a program.",
)

LOCAL: dict[str, Reason] = {
    **dict.fromkeys(
        (
            *("init", "demo", "serve", "worker", "doctor"),
            *("account rotate-keys", "connector test", "connector page"),
        ),
        _MACHINE,
    ),
    **dict.fromkeys(("backup", "backup verify", "restore"), _ALL_OF_IT),
    **dict.fromkeys(("person accept", "person setup"), _NO_KEY),
    **dict.fromkeys(
        ("figures export", "report pictures", "award new", "award pages", "award jury sheets"), _FILES
    ),
    **dict.fromkeys(
        (
            *("figures collect", "figures archive"),
            *("award verify", "award exclude", "award papers"),
        ),
        _LONG,
    ),
    "post import": _BESIDE,
    "account authorise": _SCAN,
}

ROUTES: dict[str, str] = {
    "org import": "POST /units/import",
    "org list": "GET /units",
    "org tree": "GET /units",
    "org show": "GET /units/{code}",
    "org set": "PATCH /units/{code}",
    "org word": "POST /units/{code}/words",
    "person add": "POST /people",
    "person invite": "POST /people/{login}/invitation",
    "person list": "GET /people",
    "person show": "GET /people/{login}",
    "person disable": "POST /people/{login}/disable",
    "person enable": "POST /people/{login}/enable",
    "person hand-over": "POST /people/{login}/hand-over",
    "person password": "POST /people/{login}/password-reset",
    "person factor": "DELETE /people/{login}/second-factor",
    "person charge": "POST /people/{login}/accounts",
    "person grant": "POST /people/{login}/roles",
    "person revoke": "DELETE /people/{login}/roles/{role}",
    "person roles": "GET /roles",
    "person demand": "POST /roles/{role}/second-factor",
    "key add": "POST /keys",
    "key list": "GET /keys",
    "key revoke": "DELETE /keys/{prefix}",
    "account add": "POST /accounts",
    "account import": "POST /accounts/import",
    "account list": "GET /accounts",
    "account show": "GET /accounts/{account}",
    "account check": "POST /accounts/{account}/check",
    "account pause": "POST /accounts/{account}/pause",
    "account resume": "POST /accounts/{account}/resume",
    "account retire": "POST /accounts/{account}/retire",
    "connector list": "GET /connectors",
    "post add": "POST /deliveries",
    "post list": "GET /deliveries",
    "post show": "GET /posts/{post}",
    "post preview": "GET /posts/{post}/copies/{account}/preview",
    "post important": "PUT /posts/{post}/important",
    "post reschedule": "POST /deliveries/{delivery}/reschedule",
    "post cancel": "POST /deliveries/{delivery}/cancel",
    "post retry": "POST /deliveries/{delivery}/retry",
    "post resolve": "POST /deliveries/{delivery}/resolve",
    "post draft": "POST /posts",
    "post edit": "PATCH /posts/{post}",
    "post send": "POST /posts/{post}/send",
    "media add": "POST /media",
    "media list": "GET /media",
    "media show": "GET /media/{sha256}",
    "media alt": "PATCH /media/{sha256}",
    "media cut": "POST /media/{sha256}/cut",
    "review form": "GET /reviews/{post}/form",
    "review list": "GET /reviews",
    "review show": "GET /reviews/{post}",
    "review submit": "POST /reviews/{post}/submit",
    "review approve": "POST /reviews/{post}/approve",
    "review return": "POST /reviews/{post}/return",
    "review comment": "POST /reviews/{post}/comments",
    "review diff": "GET /reviews/{post}/changes",
    "review substitute": "PUT /me/substitute",
    "task list": "GET /tasks",
    "task show": "GET /tasks/{task}",
    "task open": "POST /tasks/{task}/open",
    "task done": "POST /tasks/{task}/done",
    "task refuse": "POST /tasks/{task}/refuse",
    "task robot": "PUT /tasks/robots/{code}",
    "campaign add": "POST /campaigns",
    "campaign list": "GET /campaigns",
    "campaign show": "GET /campaigns/{campaign}",
    "campaign edit": "PATCH /campaigns/{campaign}",
    "campaign close": "POST /campaigns/{campaign}/close",
    "campaign reopen": "POST /campaigns/{campaign}/reopen",
    "campaign report": "POST /campaigns/{campaign}/report",
    "campaign item add": "POST /campaigns/{campaign}/items",
    "campaign item edit": "PATCH /campaigns/{campaign}/items/{item}",
    "campaign item remove": "DELETE /campaigns/{campaign}/items/{item}",
    "campaign attach": "PUT /campaigns/{campaign}/posts/{post}",
    "campaign detach": "DELETE /campaigns/{campaign}/posts/{post}",
    "campaign done": "POST /campaigns/{campaign}/register",
    "campaign undone": "DELETE /campaigns/{campaign}/register/{work}",
    "queue status": "GET /queue",
    "queue next": "GET /queue/next",
    "queue notices": "GET /queue/notices",
    "queue pause": "POST /queue/pause",
    "queue resume": "POST /queue/resume",
    "job list": "GET /jobs",
    "job show": "GET /jobs/{job}",
    "job cancel": "POST /jobs/{job}/cancel",
    "figures import": "POST /imports",
    "figures gaps": "GET /figures/gaps",
    "figures plan": "GET /figures/plan",
    "figures imports": "GET /imports",
    "figures undo": "POST /imports/{number}/undo",
    "figures template": "GET /figures/template",
    "figures missing": "GET /figures/missing",
    "figures conflicts": "GET /figures/conflicts",
    "figures archives": "GET /figures/archive",
    "figures top": "GET /figures/top",
    "report weekly": "GET /reports/weekly",
    "report schedule": "POST /reports/schedules",
    "report schedules": "GET /reports/schedules",
    "report unschedule": "DELETE /reports/schedules/{number}",
    "report deliver": "POST /reports/deliveries",
    "report deliveries": "GET /reports/deliveries",
    "report resolve": "POST /reports/deliveries/{number}/resolve",
    "report robot add": "POST /robots",
    "report robot list": "GET /robots",
    "report robot remove": "DELETE /robots/{name}",
    "report robot test": "POST /robots/{name}/test",
    "webhook add": "POST /webhooks",
    "webhook list": "GET /webhooks",
    "webhook log": "GET /webhooks/{name}/messages",
    "webhook test": "POST /webhooks/{name}/test",
    "webhook resend": "POST /webhooks/messages/{message}/resend",
    "webhook remove": "DELETE /webhooks/{name}",
    "index list": "GET /indices",
    "index show": "GET /indices/{name}",
    "index compute": "POST /indices/{name}/compute",
    "award check": "POST /awards/checks",
    "award run": "POST /awards/{run}/run",
    "award diff": "GET /awards/{run}/differences/{other}",
    "award explain": "GET /awards/{run}/accounts/{account}",
    "award notice": "POST /awards/{run}/notice",
    "award objection file": "POST /awards/{run}/objections",
    "award objection answer": "POST /awards/{run}/objections/{number}/answer",
    "award objection list": "GET /awards/{run}/objections",
    "award jury file": "POST /awards/{run}/sheets",
    "award jury status": "GET /awards/{run}/sheets",
    "award jury open": "POST /awards/{run}/sheets/open",
    "ledger verify": "GET /ledger/verification",
    "ledger list": "GET /ledger",
    "ledger export": "GET /ledger/export",
    "ledger note": "POST /ledger/heads",
}
