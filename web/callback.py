"""Where platforms call back: `/callback/{platform}/{handle}`. Connectors check and read.

Whatever is wrong, the answer is the same 403 without a word: who asks learns neither which accounts there are
nor what was wrong with a signature.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from connectors import Access, CallbackAnswer, CallbackRefused, CallbackRequest, Connector, platforms
from organisation.accounts import Account
from scheduler.opening import OpenedAccounts
from scheduler.settling import first_time, settle_now
from web.access import ruled
from web.metrics import Callbacks
from web.problem import problem

_log = structlog.get_logger("web.callback")
MOST_BYTES = 64 * 1024
READ_SECONDS = 5.0  # WeChat waits no longer for our answer


def callback_router(
    database: Database,
    clock: Clock,
    accounts: OpenedAccounts,
    callbacks: Callbacks,
    wake: Callable[[], None],
) -> APIRouter:
    """The callback addresses of all accounts; `wake` has the node look at what an event brought forward."""
    router = APIRouter()
    hearing = _Hearing(database, clock, accounts)

    @router.api_route("/callback/{platform}/{handle}", methods=["GET", "POST"])
    @ruled(None)
    async def callback(request: Request, platform: str, handle: str) -> Response:
        try:
            body = await _read(request)
            given = CallbackRequest(request.method, dict(request.query_params), body, dict(request.headers))
            told, result = await run_in_threadpool(hearing.hear, platform, handle, given)
        except CallbackRefused as refused:
            callbacks.count(refused.reason)
            _log.warning("callback_refused", platform=_known(platform), reason=refused.reason)
            return Response(status_code=HTTPStatus.FORBIDDEN)
        except SQLAlchemyError as error:
            _log.error("callback_lost_database", reason=type(error).__name__)
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, failing=["database"])  # the platform repeats it
        callbacks.count(result)
        if result == "settling":
            wake()
        return PlainTextResponse(told)

    return router


async def _read(request: Request) -> bytes:
    """The body, never more than 64 KB of it nor for longer than five seconds."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:18]) > MOST_BYTES:
        raise CallbackRefused("too-large")
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise CallbackRefused("too-large")
    except TimeoutError:
        raise CallbackRefused("too-slow") from None
    return bytes(body)


class _Hearing:
    """One request from bytes to its effect."""

    def __init__(self, database: Database, clock: Clock, accounts: OpenedAccounts) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts

    def hear(self, platform: str, handle: str, request: CallbackRequest) -> tuple[str, str]:
        """The body of the answer and what came of it. Raises CallbackRefused."""
        with self._database.read() as session:
            account_id, connector, access = self._find(session, platform, handle)
        answer = connector.callback(access, request)
        if not (answer.remote_id or answer.once):
            return answer.body, "not-ours"  # what followers say and do is not kept
        return self._effect(account_id, answer)

    def _find(self, session: Session, platform: str, handle: str) -> tuple[int, Connector, Access]:
        found = session.exec(
            select(col(Account.id)).where(Account.platform == platform, Account.handle == handle)
        ).first()
        if found is None:
            raise CallbackRefused("unknown-account")
        opened = self._accounts.open(session, [found])[found]
        if isinstance(opened, MeizhenError):
            raise CallbackRefused(opened.code)
        connector, access = opened
        if "callback" not in connector.capabilities:
            raise CallbackRefused("no-callback")
        return found, connector, access

    def _effect(self, account_id: int, answer: CallbackAnswer) -> tuple[str, str]:
        now = self._clock.now()
        with self._database.write() as session:
            if not first_time(session, account_id, answer, now):
                if answer.once:
                    raise CallbackRefused("replay")
                return answer.body, "repeated"
            settles = bool(answer.remote_id) and settle_now(session, account_id, answer.remote_id, now)
        return answer.body, "settling" if settles else "heard"


def _known(platform: str) -> str:
    """A platform's name for the log; what a stranger wrote stays out of it."""
    return platform if platform in platforms() else "unknown"
