"""Which command does what a page's act does; and which acts have none, with the reason.

`tests/web/test_page_commands.py` holds it to the routes and the commands that there are: an act of a page
with neither fails the build. One that does several things by what its form says names all of them.
"""

from web.api.commands import Reason

_DOOR = Reason(
    "浏览器自己的门和样子:登录、退出、看哪个单位、用哪种语言。命令行由机器的账户进,--as、--unit、语言变量说其余的。",
    "The browser's own door and looks: signing in and out, which unit, which language. A shell is entered by "
    "the machine's account; --as, --unit and the language variable say the rest.",
)
_SELF = Reason(
    "要本人当场输入自己的密码或手机上的代码;命令在管机器的人手里,用 person password、person factor 重来。",
    "Asks the person for their own password or their phone's code; a shell is in the operator's hands, where "
    "person password and person factor start it anew.",
)
_TYPING = Reason(
    "写稿页替人记着、清理、合并正在打的字;在命令行,稿子是一个文件,写完一次交给 post draft、post edit。",
    "The writing page keeps, cleans and merges what is being typed; at a shell the text is a file, given "
    "whole to post draft or post edit.",
)
_IN_THE_FOLDER = Reason(
    "评选是一个文件夹:在机器上用编辑器改 rule.toml,把文件放进去。",
    "An award is a folder: on the machine its rule is changed with an editor, and files are put into it.",
)
_NOTHING_KEPT = Reason(
    "命令行的预览(figures import --dry-run)什么都不留,没有可丢的。",
    "A shell's preview (figures import --dry-run) keeps nothing that could be dropped.",
)

WITHOUT: dict[str, Reason] = {
    **dict.fromkeys(("/login", "/login/oidc/code", "/logout", "/unit", "/language"), _DOOR),
    **dict.fromkeys(("/me/password", "/me/factor", "/me/factor/confirm", "/me/sessions/end"), _SELF),
    **dict.fromkeys(("/posts/compose", "/posts/drop", "/posts/paste", "/posts/merge/{copy_id}"), _TYPING),
    **dict.fromkeys(("/awards/{name}/rule", "/awards/{name}/given"), _IN_THE_FOLDER),
    "/figures/imports/drafts/{token}/drop": _NOTHING_KEPT,
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "/setup": ("person setup",),
    "/join": ("person accept",),
    "/posts/finish": ("post draft", "post edit", "review submit", "post send"),
    "/posts/checkups": ("account check",),
    "/posts/cut": ("media cut",),
    "/posts/move": ("post reschedule",),
    "/posts/move/undo": ("post reschedule",),
    "/posts/cancel": ("post cancel",),
    "/posts/{post_id}/send": ("post send",),
    "/posts/{post_id}/charge": ("person charge",),
    "/posts/{post_id}/important": ("post important",),
    "/posts/{post_id}/submit": ("review submit",),
    "/calendar/{kind}/{id_}": ("post reschedule", "post edit"),
    "/campaigns/new": ("campaign add",),
    "/campaigns/{campaign_id}/edit": ("campaign edit",),
    "/campaigns/{campaign_id}/report": ("campaign report",),
    "/campaigns/{campaign_id}/close": ("campaign close",),
    "/campaigns/{campaign_id}/reopen": ("campaign reopen",),
    "/campaigns/{campaign_id}/items": ("campaign item add",),
    "/campaigns/{campaign_id}/items/{item}": ("campaign item edit",),
    "/campaigns/{campaign_id}/items/{item}/remove": ("campaign item remove",),
    "/campaigns/{campaign_id}/posts": ("campaign attach",),
    "/campaigns/{campaign_id}/posts/{post}/detach": ("campaign detach",),
    "/campaigns/{campaign_id}/register": ("campaign done",),
    "/campaigns/{campaign_id}/register/{work_id}/strike": ("campaign undone",),
    "/deliveries/{delivery_id}/settle": (
        *("post resolve", "post retry", "post cancel"),
        *("queue pause", "queue resume"),
    ),
    "/deliveries/{delivery_id}/move": ("post reschedule",),
    "/review/{post_id}/approve": ("review approve",),
    "/review/{post_id}/return": ("review return",),
    "/review/{post_id}/comment": ("review comment",),
    "/review/hand-on": ("review substitute",),
    "/tasks/{task_id}/open": ("task open",),
    "/tasks/{task_id}/done": ("task done",),
    "/tasks/{task_id}/refuse": ("task refuse",),
    "/queue/stop": ("queue pause",),
    "/queue/open": ("queue resume",),
    "/accounts/new": ("account add",),
    "/accounts/{account_id}/edit": ("account import",),
    "/accounts/{account_id}/check": ("account check",),
    "/accounts/{account_id}/lane": ("queue pause", "queue resume"),
    "/accounts/{account_id}/charge": ("person charge",),
    "/accounts/{account_id}/state": ("account pause", "account resume", "account retire"),
    "/figures/export": ("report weekly",),
    "/figures/reports/{number}/end": ("report unschedule",),
    "/figures/imports": ("figures import",),
    "/figures/imports/drafts/{token}": ("figures import",),
    "/figures/imports/drafts/{token}/apply": ("figures import",),
    "/figures/imports/{number}/undo": ("figures undo",),
    "/jobs/{number}/cancel": ("job cancel",),
    "/awards": ("award new",),
    "/awards/{name}/check": ("award check",),
    "/awards/{name}/dry": ("award run",),
    "/awards/{name}/run": ("award run",),
    "/awards/{name}/papers": ("award papers",),
    "/awards/{name}/verify": ("award verify",),
    "/awards/{name}/exclude": ("award exclude",),
    "/awards/{name}/jury": ("award jury sheets",),
    "/awards/{name}/jury/sheet": ("award jury file",),
    "/awards/{name}/jury/open": ("award jury open",),
    "/awards/{name}/notice": ("award notice",),
    "/awards/{name}/objections": ("award objection file",),
    "/awards/{name}/objections/{number}": ("award objection answer",),
    "/organisation": ("org import",),
    "/organisation/import": ("org import",),
    "/organisation/{code}/rules": ("org set",),
    "/organisation/{code}/words": ("org word",),
    "/people/new": ("person add",),
    "/people/{login}/code": ("person invite", "person password"),
    "/people/{login}/roles": ("person grant", "person revoke"),
    "/people/{login}/door": ("person disable", "person enable"),
    "/people/{login}/leave": ("person hand-over",),
    "/ledger/verify": ("ledger verify",),
    "/ledger/export": ("ledger export",),
    "/settings/keys": ("key add",),
    "/settings/keys/{prefix}/revoke": ("key revoke",),
    "/settings/schedules": ("report schedule",),
    "/settings/schedules/{number}": ("report unschedule", "report schedule"),
    "/settings/schedules/{number}/end": ("report unschedule",),
    "/settings/robots": ("report robot add",),
    "/settings/robots/{name}/test": ("report robot test",),
    "/settings/robots/{name}/remove": ("report robot remove",),
    "/settings/webhooks": ("webhook add",),
    "/settings/webhooks/{name}/test": ("webhook test",),
    "/settings/webhooks/{name}/resend": ("webhook resend",),
    "/settings/webhooks/{name}/remove": ("webhook remove",),
}
