"""How Weibo says no: its codes, words and HTTP statuses (sheet section 7; section 4 for articles)."""

from typing import Any

TEXTS = {
    10001: "System error",
    10004: "IP limit",
    10006: "Source parameter (appkey) is missing",
    10008: "Param error, see doc for more info",
    10014: "Insufficient app permissions!",
    10016: "Miss required parameter (%s), see doc for more info",
    10017: "Parameter (status)'s value invalid, expect (text), but get (text not find domain!)",
    10020: "Request api not found!",
    10021: "HTTP method is not supported for this request!",
    10022: "IP requests out of rate limit!",
    10023: "User requests out of rate limit!",
    10024: "User requests for (%s) out of rate limit!",
    20005: "Unsupported image type, only support JPG, GIF, PNG!",
    20006: "Image size too large",
    20008: "Content is null!",
    20012: "Text too long, please input text less than 140 characters!",
    20016: "Out of limit, too often",
    20017: "similar content!",
    20019: "repeat content!",
    20021: "content is illegal",
    20101: "target weibo does not exist!",
    21317: "token rejected",
    21327: "expired_token",
    21332: "invalid_access_token",
    21602: "contain sensitive words",
}
ARTICLE_TEXTS = {
    10001: "system error",
    10008: "param {} invalid",
    11001: "sass check error",
    11002: "create statuses error",
    11003: "bind error",
}
_FORBIDDEN = frozenset({10004, 10005, 10014, 10022, 10023, 10024, 20015, 20016, 20022, 20031})


class WeiboError(Exception):
    """A call that Weibo refuses with a code."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, f"error {code}")

    @property
    def status(self) -> int:
        return 403 if self.code in _FORBIDDEN or 21300 <= self.code < 21400 else 400

    def body(self, path: str, *, code_as_text: bool) -> dict[str, Any]:
        code: int | str = str(self.code) if code_as_text else self.code
        return {"request": path, "error_code": code, "error": self.text}


class ArticleError(Exception):
    """An article refused: HTTP 200 with a code of its own."""

    def __init__(self, code: int, parameter: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = ARTICLE_TEXTS.get(code, f"error {code}").format(parameter)
