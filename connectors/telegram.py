"""Telegram channels by the Bot API: posts that cannot be looked up, so a doubtful one is never repeated.

Facts from `../shared/platforms/telegram.md`. The rooms `_telegram_*` hold one noun each.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from connectors._contract import (
    Access,
    Asking,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Kind,
    Limits,
    Metric,
    Outgoing,
    Receipt,
    Reconcile,
    Unit,
)
from connectors._errors import Label
from connectors._telegram_calls import API_BASE, MAKE_ADMIN, RULES, call, chat_of, unreadable
from connectors._telegram_posts import (
    CAPTION_LENGTH,
    PICTURE_BYTES,
    PICTURE_TYPES,
    PICTURES,
    TEXT_LENGTH,
    send,
    utf16_units,
)

_BEIJING = ZoneInfo("Asia/Shanghai")
_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_CAPTION = Label(
    f"有图片时正文最多 {CAPTION_LENGTH} 字。",
    f"With pictures the text may be {CAPTION_LENGTH} characters long.",
)
_SILENT = Label("silent 应为 yes 或 no。", "silent is yes or no.")


class Telegram(Connector):
    platform = "telegram"
    label = Label("Telegram 频道", "Telegram channel")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "token", Label("机器人令牌", "Bot token"), pattern=r"[0-9]{5,20}:[A-Za-z0-9_-]{20,100}"
        ),
        CredentialField(
            "chat_id",
            Label("频道（@名称或数字编号）", "Channel (@name or number)"),
            secret=False,
            pattern=r"@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{5,20}",
        ),
    )
    limits = Limits(
        text_length=TEXT_LENGTH,
        count_text=utf16_units,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=PICTURE_TYPES,
    )
    capabilities = frozenset({"publish", "account_day"})
    metrics = (Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),)
    asking = Asking(calls=0, calls_an_account_day=1)  # a bot sees no posts, only how many subscribe
    options: ClassVar[Mapping[str, Label]] = {
        "silent": Label("不响铃推送（yes）", "Without a sound (yes)"),
    }
    reconcile = Reconcile.NONE

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        me = call(access, "getMe")
        number = me.get("id") if isinstance(me, dict) else None
        if not isinstance(number, int):
            raise unreadable("no bot id", writes=False)
        member = call(access, "getChatMember", {"chat_id": chat_of(access), "user_id": number})
        told = member if isinstance(member, dict) else {}
        may = told.get("status") == "creator" or (
            told.get("status") == "administrator" and told.get("can_post_messages") is True
        )
        posts = Label("机器人可以在频道发消息。", "The bot may post to the channel.")
        not_yet = Label("机器人还不能在频道发消息。", "The bot may not post to the channel yet.")
        return (
            Finding(True, Label("机器人令牌有效。", "The bot's token works.")),
            Finding(may, posts if may else not_yet, None if may else MAKE_ADMIN),
        )

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        wrong = {
            _EMPTY: not outgoing.text.strip() and not outgoing.media,
            _CAPTION: bool(outgoing.media) and utf16_units(outgoing.text) > CAPTION_LENGTH,
            _SILENT: outgoing.options.get("silent", "") not in ("", "yes", "no"),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def account_day(self, access: Access, day: date) -> Figures | None:
        if day != access.now().astimezone(_BEIJING).date():
            return None
        count = call(access, "getChatMemberCount", {"chat_id": chat_of(access)})
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise unreadable("no count", writes=False)
        return Figures(day, {"followers_total": count}, "getChatMemberCount")


connector = Telegram()
