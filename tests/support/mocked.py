"""The library `responses` answers calls of `connectors.Http` too: it mocks requests' adapter, which our way
out does not take. Without a mock that is active nothing changes.
"""

import requests
from requests.adapters import HTTPAdapter

from connectors._http import Http, _Request
from connectors._wire import Told

_SENDS = HTTPAdapter.send


def let_responses_answer() -> None:
    real = Http._exchange

    def exchange(self: Http, request: _Request) -> Told:
        return real(self, request) if HTTPAdapter.send is _SENDS else _mocked(request)

    Http._exchange = exchange  # type: ignore[method-assign]


def _mocked(request: _Request) -> Told:
    first, *lines = request.head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    place = f"{request.origin.scheme}://{headers.pop('Host')}{target}"
    body: bytes | str = request.body if isinstance(request.body, bytes) else request.body.read()
    if headers.get("Content-Type") == "application/x-www-form-urlencoded":
        body = body.decode()  # as requests hands a form to its adapter
    prepared = requests.Request(method, place, headers, data=body or None).prepare()
    try:
        answer = HTTPAdapter().send(prepared, stream=True)
    except requests.ConnectionError as error:
        raise ConnectionResetError(*error.args) from error
    told = {name.lower(): value for name, value in answer.headers.items()}
    # An answer of this kind ends with its headers (RFC 9112, section 6.3).
    ended = answer.status_code in (204, 304) or bool(told.keys() & {"content-length", "transfer-encoding"})
    return Told(answer.status_code, told, answer.content, ended, reusable=False)
