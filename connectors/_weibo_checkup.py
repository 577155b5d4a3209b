"""Can this account publish? Its token's owner, app and life, and what is left of the day's calls."""

from datetime import date, timedelta

from connectors._contract import Access, Finding
from connectors._errors import Label, NeedsPerson, Refused
from connectors._weibo_budget import Purpose, beijing_day
from connectors._weibo_calls import Calls
from connectors._weibo_errors import SIGN_IN
from connectors._weibo_status import identifier, whole

WARN_DAYS = 7
_DAY_SECONDS = 86_400
_LONGEST = 36_500 * _DAY_SECONDS  # whatever the platform or the form says
_SIGN_IN_SOON = Label(
    "请账号负责人尽快重新登录授权：微博没有续期接口。",
    "The holder should sign in again soon: Weibo has no renewal.",
)
_FIELD = Label("请核对账号表单后重新保存。", "Compare the account's form and save it again.")
_TOMORROW = Label("北京时间零点后恢复。", "New after midnight in Beijing.")


def check_account(access: Access) -> tuple[Finding, ...]:
    """Two calls of the day's budget. A dead token is a finding, a busy platform raises."""
    calls = Calls(access, Purpose.COLLECTING)
    try:
        info = calls.token_info()
        limits = calls.rate_limits()
    except (NeedsPerson, Refused) as error:
        told = Label(f"微博拒绝了检查：{error}", f"Weibo refused the check: {error}")
        return (Finding(False, told, error.remedy),)
    return (
        _token_life(access, whole(info.get("expire_in"))),
        _same("UID", access.credentials["uid"], identifier(info.get("uid"))),
        _same("App Key", access.credentials["app_key"], identifier(info.get("appkey"))),
        _quota(whole(limits.get("remaining_user_hits")), whole(limits.get("user_limit"))),
    )


def _token_life(access: Access, seconds: int | None) -> Finding:
    days = _days_by_form(access) if seconds is None else seconds // _DAY_SECONDS
    if days is None:
        told = Label("微博没有说明授权何时到期。", "Weibo does not say when the authorisation ends.")
        return Finding(False, told, _FIELD)
    life = days * _DAY_SECONDS if seconds is None else seconds
    ends = access.now() + timedelta(seconds=min(life, _LONGEST))
    if seconds == 0 or days < 0:
        return Finding(False, Label("授权已到期。", "The authorisation has ended."), SIGN_IN, ends)
    told = Label(f"授权还剩 {days} 天。", f"The authorisation lasts {days} more days.")
    fine = days > WARN_DAYS
    return Finding(fine, told, None if fine else _SIGN_IN_SOON, ends)


def _days_by_form(access: Access) -> int | None:
    """Whole days until the end that was put in the form; None where it was not."""
    given = access.credentials.get("expires_at", "")
    try:
        return (date.fromisoformat(given) - beijing_day(access.now())) // timedelta(days=1)
    except ValueError:
        return None


def _same(name: str, ours: str, theirs: str) -> Finding:
    if ours == theirs:
        return Finding(True, Label(f"{name} 一致。", f"The {name} matches."))
    told = Label(
        f"令牌属于另一个 {name}：{theirs or '未知'}。",
        f"The token belongs to another {name}: {theirs or 'not told'}.",
    )
    return Finding(False, told, _FIELD)


def _quota(left: int | None, limit: int | None) -> Finding:
    if left is None:
        return Finding(True, Label("微博没有说明剩余次数。", "Weibo does not say how many calls are left."))
    of = "" if limit is None else f" / {limit}"
    told = Label(f"今天还可调用 {left}{of} 次。", f"Calls left today: {left}{of}.")
    return Finding(left > 0, told, None if left else _TOMORROW)
