"""Calls to the open platform of 抖音 and 头条: one envelope whose error may stand in three places.

Numbers are text or not within one answer; HTTP says 200 whatever happened (the sheet's section 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors._byte_errors import RULES
from connectors._contract import Access
from connectors._errors import ConnectorError, Unreachable
from connectors._film import PATIENCE, as_form
from connectors._http import Answer
from connectors._json import line, whole
from connectors._reactions import error_for
from connectors._tokens import Pair, access_token, renew
from connectors._wording import told_without_secrets

Params = Mapping[str, str | int]


@dataclass(frozen=True)
class ByteCalls:
    """The way to the interfaces for one account at `base`; `token` is used instead of the account's own."""

    access: Access
    base: str
    token: str = ""

    def get(self, path: str, params: Params | None = None, *, token: str | None = None) -> dict[str, Any]:
        """The `data` of a GET in the account's name; of the app's where its `token` is given."""
        answer = self.access.http.call(
            "GET",
            self._url(path),
            writes=False,
            params=self._params(params, token),
            headers=self._headers(token),
        )
        return self._data(answer, writes=False)

    def post(
        self, path: str, body: object = None, *, writes: bool = False, **params: str | int
    ) -> dict[str, Any]:
        """The `data` of a POST in the account's name. `writes`: a lost answer may have made a post."""
        answer = self.access.http.call(
            "POST",
            self._url(path),
            writes=writes,
            params=self._params(params, None),
            json_body={} if body is None else body,
            headers=self._headers(None),
        )
        return self._data(answer, writes=writes)

    def form(self, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """The `data` of a form without a token: what tokens are made with."""
        answer = self.access.http.call("POST", self._url(path), writes=False, form=fields)
        return self._data(answer, writes=False)

    def upload_video(
        self, path: str, media_path: Path, begin: int, size: int, **params: str | int
    ) -> dict[str, Any]:
        """Sends a stretch of a video as the form's field `video`; may be repeated."""
        body, headers = as_form("video", media_path, begin, size)
        answer = self.access.http.call(
            "POST",
            self._url(path),
            writes=False,
            params=self._params(params, None),
            raw=body,
            headers={**headers, **self._headers(None)},
            seconds=PATIENCE * self.access.http.seconds,
        )
        return self._data(answer, writes=False)

    def upload_image(self, path: str, name: str, content: bytes, content_type: str) -> dict[str, Any]:
        """Sends a picture as the form's field `image`; may be repeated."""
        answer = self.access.http.call(
            "POST",
            self._url(path),
            writes=False,
            params=self._params(None, None),
            files={"image": (name, content, content_type)},
            headers=self._headers(None),
        )
        return self._data(answer, writes=False)

    def refresh(self) -> None:
        """Renews the account's tokens."""
        renew(self.access, self._renewed)

    def _renewed(self, renewing: str) -> Pair:
        key = self.access.credentials["client_key"]
        fields = {"client_key": key, "refresh_token": renewing, "grant_type": "refresh_token"}
        data = self.form("/oauth/refresh_token/", fields)
        token, again = data.get("access_token"), data.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise Unreachable("the answer holds no token", platform_code="bad-answer")
        again = again if isinstance(again, str) and again else renewing
        life, rest = whole(data.get("expires_in")), whole(data.get("refresh_expires_in"))
        ends_first = life is not None and rest is not None and rest <= life
        return token, self._prolonged(again) if ends_first else again

    def _prolonged(self, renewing: str) -> str:
        """A renewing token that outlives the access token; the same one where there is no other.

        A new one is given a few times only and by a scope of its own: after that a person signs in again.
        """
        fields = {"client_key": self.access.credentials["client_key"], "refresh_token": renewing}
        try:
            again = self.form("/oauth/renew_refresh_token/", fields).get("refresh_token")
        except ConnectorError:
            return renewing
        return again if isinstance(again, str) and again else renewing

    def _url(self, path: str) -> str:
        return (self.access.api_base or self.base).rstrip("/") + path

    def _params(self, params: Params | None, token: str | None) -> Params:
        own: Params = {} if token is not None else {"open_id": self.access.credentials["open_id"]}
        return {**own, **(params or {})}

    def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"access-token": (self.token or access_token(self.access)) if token is None else token}

    def _data(self, answer: Answer, *, writes: bool) -> dict[str, Any]:
        """`data` of a happy answer. The first code that is not 0 is the error."""
        if answer.status != 200:
            told = told_without_secrets(self.access, answer.excerpt())
            raise answer.failure(self.access.now(), told)
        body = answer.json_object()
        data, extra = (
            part if isinstance(part, dict) else {} for part in (body.get("data"), body.get("extra"))
        )
        said = [data.get("error_code"), extra.get("error_code"), body.get("err_no")]
        codes = [code for code in map(whole, said) if code is not None]
        if not codes or (body.get("message") == "error" and not any(codes)):
            raise answer.bad("no error_code")
        code = next((code for code in codes if code), 0)
        if code == 0 and isinstance(body.get("data"), dict):
            return data
        if code == 0:
            raise answer.bad("no data")
        texts = (data.get("description"), extra.get("description"), body.get("err_msg"))
        raise error_for(
            RULES,
            str(code),
            told_without_secrets(self.access, next((text for text in texts if text), "")),
            writes=writes,
            now=self.access.now(),
            request_id=line(extra.get("logid") or body.get("log_id"), 80),
        )


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; () for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
