"""The Bot API for channels: `/bot<token>/<method>`, one bot and one channel an account.

Switches: `answer` ({method: [status, description, parameters]}): what that method always answers;
`may_post` (False: the bot is no administrator); `moved_to` (the number of the group that it became);
`private` (True: a channel without a public name). 20 messages a minute go to one chat.
"""

import json
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from sandbox.readers import ensure_history, followers
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "telegram"
_TEXT, _CAPTION, _PHOTO_BYTES = 4096, 1024, 10 * 1024 * 1024
_A_MINUTE = 20


class _No(Exception):
    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    number = zlib.crc32(handle.encode())
    token = f"{7_000_000_000 + number}:AAmadeUp_token-of-a-bot-{number:010}"
    credentials = {"token": token, "chat_id": f"@{handle}_channel"}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


class _Call:
    def __init__(self, world: World, account: SandboxAccount, method: str) -> None:
        self.world, self.account, self.method = world, account, method
        self.given: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}

    def chat(self) -> dict[str, Any]:
        """The channel that is meant: known by its name, its number, or the number it moved to."""
        account = self.account
        number = -1_001_000_000_000 - int(account.credentials["token"].split(":")[0])
        chat = {"id": number, "title": account.account, "type": "channel"}
        if not account.switches.get("private"):
            chat["username"] = account.credentials["chat_id"].removeprefix("@")
        asked, moved = str(self.given.get("chat_id", "")), account.switches.get("moved_to")
        if moved and asked != str(moved):
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise _No(400, text, {"migrate_to_chat_id": moved})
        if asked not in (account.credentials["chat_id"], str(number), str(moved)):
            raise _No(400, "Bad Request: chat not found")
        return chat


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.api_route("/bot{token}/{method}", methods=["GET", "POST"])
    async def serve(request: Request, token: str, method: str) -> JSONResponse:
        given, files = await _arrived(request)
        with world.lock:
            try:
                call = _Call(world, _owner(world, token), method)
                call.given, call.files = given, files
                return JSONResponse({"ok": True, "result": _handled(call)})
            except _No as error:
                return JSONResponse(error.body, error.code)

    return router


async def _arrived(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    given: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            told = json.loads(await request.body() or b"{}")
        except ValueError:
            told = {}
        return given | (told if isinstance(told, dict) else {}), {}
    files: dict[str, bytes] = {}
    async with request.form() as form:
        for name, value in form.items():
            if isinstance(value, UploadFile):
                files[name] = await value.read()
            else:
                given[name] = value
    return given, files


def _owner(world: World, token: str) -> SandboxAccount:
    for account in world.accounts_of(_PLATFORM):
        if token == account.credentials["token"]:
            return account
    if ":" not in token:
        raise _No(404, "Not Found")
    raise _No(401, "Unauthorized")


def _handled(call: _Call) -> Any:
    forced = call.account.switches.get("answer", {}).get(call.method)
    if forced:
        raise _No(*forced)
    handle = _METHODS.get(call.method)
    if handle is None:
        raise _No(404, "Not Found: method not found")
    return handle(call)


def _get_me(call: _Call) -> Any:
    return {"id": _bot(call), "is_bot": True, "first_name": "bot", "username": f"{call.account.account}_bot"}


def _bot(call: _Call) -> int:
    return int(call.account.credentials["token"].split(":")[0])


def _member(call: _Call) -> Any:
    call.chat()
    if str(call.given.get("user_id")) != str(_bot(call)):
        raise _No(400, "Bad Request: user not found")
    may = call.account.switches.get("may_post", True)
    told = {"user": {"id": _bot(call), "is_bot": True}, "status": "administrator" if may else "left"}
    return {**told, "can_post_messages": True} if may else told


def _count(call: _Call) -> Any:
    call.chat()
    ensure_history(call.world, call.account)
    return followers(call.world, call.account, call.world.now().astimezone(BEIJING).date())


def _message(call: _Call) -> Any:
    chat = _admitted(call)
    text = str(call.given.get("text") or "")
    if not text.strip():
        raise _No(400, "Bad Request: message text is empty")
    if _units(text) > _TEXT:
        raise _No(400, "Bad Request: message is too long")
    return _told(call, chat, _stored(call, chat, text), text=text)


def _photo(call: _Call) -> Any:
    chat = _admitted(call)
    caption = _captioned(call, call.given.get("caption"))
    _checked(call.files.get("photo"))
    return _told(call, chat, _stored(call, chat, caption, pictures=1), caption=caption)


def _album(call: _Call) -> Any:
    chat = _admitted(call)
    items = json.loads(call.given.get("media") or "[]")
    if not 2 <= len(items) <= 10:
        raise _No(400, "Bad Request: there must be from 2 to 10 media")
    for item in items:
        _checked(call.files.get(item["media"].removeprefix("attach://")))
    caption = _captioned(call, items[0].get("caption"))
    item = _stored(call, chat, caption, pictures=len(items))
    first = int(item.remote_id)
    call.account.state["messages"] = first + len(items) - 1
    rest = [{"message_id": first + place, "chat": chat} for place in range(1, len(items))]
    return [_told(call, chat, item, caption=caption), *rest]


def _admitted(call: _Call) -> dict[str, Any]:
    """The channel, where the bot may post and has not posted too much in this minute."""
    chat, now = call.chat(), call.world.now()
    if not call.account.switches.get("may_post", True):
        raise _No(403, "Forbidden: bot is not a member of the channel chat")
    sent = [at for at in call.account.state.get("sent", []) if now - at < timedelta(minutes=1)]
    if len(sent) >= _A_MINUTE:
        wait = int(60 - (now - sent[0]).total_seconds()) or 1
        raise _No(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
    call.account.state["sent"] = [*sent, now]
    return chat


def _captioned(call: _Call, caption: object) -> str:
    text = str(caption or "")
    if _units(text) > _CAPTION:
        raise _No(400, "Bad Request: message caption is too long")
    return text


def _checked(photo: bytes | None) -> None:
    if not photo:
        raise _No(400, "Bad Request: there is no photo in the request")
    if len(photo) > _PHOTO_BYTES:
        raise _No(400, "Bad Request: file is too big")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _stored(call: _Call, chat: dict[str, Any], text: str, pictures: int = 0) -> Published:
    number = call.account.state.get("messages", 811) + 1
    call.account.state["messages"] = number
    name = chat.get("username")
    return call.world.publish(
        _PLATFORM,
        call.account.account,
        remote_id=str(number),
        title="",
        text=text,
        url=f"https://t.me/{name}/{number}" if name else "",
        pictures=pictures,
        silent=call.given.get("disable_notification") in (True, "true"),
    )


def _told(call: _Call, chat: dict[str, Any], item: Published, **content: str) -> dict[str, Any]:
    date = int(item.at.timestamp())
    return {"message_id": int(item.remote_id), "sender_chat": chat, "chat": chat, "date": date, **content}


_METHODS: dict[str, Callable[[_Call], Any]] = {
    "getMe": _get_me,
    "getChatMember": _member,
    "getChatMemberCount": _count,
    "sendMessage": _message,
    "sendPhoto": _photo,
    "sendMediaGroup": _album,
}
