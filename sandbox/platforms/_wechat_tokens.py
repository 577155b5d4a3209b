"""Tokens: two independent stores, classic and stable (sheet sections 2 and 12.2)."""

from datetime import datetime, timedelta
from typing import Any

from sandbox.platforms._wechat_desk import PLATFORM, No, beijing_day, memory, serial
from sandbox.world import SandboxAccount, World

_LIFE = timedelta(seconds=7200)
_OVERLAP = timedelta(seconds=300)
_FORCE_PAUSE = timedelta(seconds=30)
_FORCES_A_DAY = 20


def account_of_secret(world: World, given: dict[str, Any]) -> SandboxAccount:
    """The account of an appid and secret, as a token call names them."""
    if given.get("grant_type") != "client_credential":
        raise No(40002, "invalid grant_type")
    for account in world.accounts.values():
        if account.platform == PLATFORM and account.credentials.get("appid") == given.get("appid"):
            if account.credentials.get("secret") != given.get("secret"):
                raise No(40125)
            return account
    raise No(40013)


def account_of_token(world: World, token: str) -> SandboxAccount:
    """The account whose living token this is."""
    if not token:
        raise No(41001, "access_token missing")
    pieces = token.split("_")
    try:
        account = world.account(PLATFORM, bytes.fromhex(pieces[1]).decode())
    except (IndexError, ValueError):
        raise No(40001) from None
    until = memory(account, "tokens").get(token) if account else None
    if account is None or until is None:
        raise No(40001)
    if world.now() >= until:
        raise No(42001)
    return account


def classic_token(world: World, account: SandboxAccount) -> dict[str, Any]:
    """Every call makes a new token; the older ones live on for five minutes."""
    now = world.now()
    tokens = memory(account, "tokens")
    for token in [token for token in tokens if token.startswith("88_")]:
        tokens[token] = min(tokens[token], now + _OVERLAP)
    return _new(account, "88", now)


def stable_token(world: World, account: SandboxAccount, given: dict[str, Any]) -> dict[str, Any]:
    """The same token until five minutes before its end; forced, the old one dies at once."""
    now = world.now()
    tokens = memory(account, "tokens")
    current = account.state.get("stable", "")
    until: datetime = tokens.get(current, now)
    forced = given.get("force_refresh") is True and _may_force(account, now)
    if forced:
        tokens.pop(current, None)
    elif until - now > _OVERLAP:
        return {"access_token": current, "expires_in": int((until - now).total_seconds())}
    made = _new(account, "91", now)
    account.state["stable"] = made["access_token"]
    return made


def _may_force(account: SandboxAccount, now: datetime) -> bool:
    forced = memory(account, "forced")
    today = beijing_day(now)
    last: datetime | None = forced.get("last")
    if (last is not None and now - last < _FORCE_PAUSE) or forced.get(today, 0) >= _FORCES_A_DAY:
        return False
    forced["last"], forced[today] = now, forced.get(today, 0) + 1
    return True


def _new(account: SandboxAccount, kind: str, now: datetime) -> dict[str, Any]:
    token = f"{kind}_{account.account.encode().hex()}_{serial(account):08d}{'x' * 40}"
    memory(account, "tokens")[token] = now + _LIFE
    return {"access_token": token, "expires_in": int(_LIFE.total_seconds())}
