"""One call to Weibo: the token in the header, one of the day's calls spent, errors told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, Throttled, Uncertain, Unreachable
from connectors._weibo_budget import Purpose, midnight_after, spend_call
from connectors._weibo_errors import ARTICLE_DONE, ARTICLE_RULES, USER_QUOTA, error_for
from connectors._weibo_status import Status, identifier, read_status, whole

API_BASE = "https://api.weibo.com"
TIMELINE_SIZE = 5  # more are never given (sheet section 3)
_RATE_LIMITS = "/2/account/rate_limit_status.json"
_MAX_TEXT = 300
_File = tuple[str, bytes, str]
_WAIT = Label("微博网关限流，到时间会自动继续。", "Weibo's gateway limits us; goes on by itself.")


@dataclass(frozen=True)
class Calls:
    """The way to Weibo's interfaces for one account and purpose."""

    access: Access
    purpose: Purpose

    def read(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """What a GET gives. Raises Unreachable where the answer says nothing."""
        return self._call("GET", path, writes=False, params=params)

    def token_info(self) -> dict[str, Any]:
        """Whose token it is and how long it lives."""
        form = {"access_token": self.access.credentials["access_token"]}
        return _as_object(self._call("POST", "/oauth2/get_token_info", writes=False, form=form))

    def rate_limits(self) -> dict[str, Any]:
        """The day's limit and what is left of it."""
        return _as_object(self.read(_RATE_LIMITS))

    def timeline(self) -> list[Status]:
        """The account's newest posts, newest first, five at most."""
        page = _as_object(
            self.read("/2/statuses/user_timeline.json", {"count": TIMELINE_SIZE, "trim_user": 1})
        )
        statuses = page.get("statuses")
        found = map(read_status, statuses if isinstance(statuses, list) else [])
        return [status for status in found if status is not None]

    def share(self, form: Mapping[str, str], files: Mapping[str, _File] | None) -> Status:
        """Publishes a post. Raises Repeated where the text stands there already."""
        status = read_status(
            self._call("POST", "/2/statuses/share.json", writes=True, form=form, files=files)
        )
        if status is None:
            raise Uncertain("the answer names no post", platform_code="bad-answer")
        return status

    def publish_article(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Publishes a 头条文章; gives its `data` (sheet section 4)."""
        body = self._call("POST", "/proxy/article/publish.json", writes=True, form=form)
        code = identifier(body.get("code")) if isinstance(body, dict) else ""
        if not code:
            raise Uncertain("the answer has no code", platform_code="bad-answer")
        if code != str(ARTICLE_DONE):
            text = self._clean(body.get("msg"))
            raise error_for(code, text, writes=True, now=self.access.now(), rules=ARTICLE_RULES)
        data = body.get("data")
        return data if isinstance(data, dict) else {}

    def _call(
        self,
        method: str,
        path: str,
        *,
        writes: bool,
        params: Mapping[str, str | int] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, _File] | None = None,
    ) -> Any:
        spend_call(self.access, self.purpose)
        answer = self.access.http.call(
            method,
            self._url(path),
            writes=writes,
            params=params,
            form=form,
            files=files,
            headers=self._headers(),
        )
        if answer.status == 429:
            until = answer.retry_at(self.access.now())
            raise Throttled("too many requests", until=until, platform_code="429", remedy=_WAIT)
        body = answer.json()
        if isinstance(body, dict) and body.get("error_code"):
            raise self._error(str(body["error_code"]), self._clean(body.get("error")), writes)
        if answer.status >= 400:
            raise answer.bad("an error without a code")
        return body

    def _url(self, path: str) -> str:
        return (self.access.api_base or API_BASE).rstrip("/") + path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"OAuth2 {self.access.credentials['access_token']}"}

    def _error(self, code: str, text: str, writes: bool) -> ConnectorError:
        domains = self.access.credentials.get("safe_domain", "")
        error = error_for(code, text, writes=writes, now=self.access.now(), domains=domains)
        if isinstance(error, Throttled) and code == str(USER_QUOTA) and self._day_is_used_up():
            error.until = midnight_after(self.access.now())
        return error

    def _day_is_used_up(self) -> bool:
        """Does Weibo say that no call of the day is left? False where it cannot be asked."""
        try:
            spend_call(self.access, self.purpose)
            answer = self.access.http.call(
                "GET", self._url(_RATE_LIMITS), writes=False, headers=self._headers()
            )
            return whole(answer.json_object().get("remaining_user_hits")) == 0
        except ConnectorError:
            return False

    def _clean(self, text: object) -> str:
        """The platform's own words, without our token should it repeat it."""
        told = text if isinstance(text, str) else ""
        return told.replace(self.access.credentials["access_token"], "***")[:_MAX_TEXT]


def _as_object(body: object) -> dict[str, Any]:
    """Weibo answers an empty list where it has no object to give. Raises Unreachable for anything else."""
    if isinstance(body, dict):
        return body
    if body == []:
        return {}
    raise Unreachable("expected a JSON object", platform_code="bad-answer")
