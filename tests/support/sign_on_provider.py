"""A real OpenID provider over HTTP in a process of its own: oidc-provider-mock (Flask and Authlib) from PyPI.

The program itself takes any verifier and any client, so a hook before its token endpoint holds to PKCE
(RFC 7636, section 4.6) and to a client that says who it is by Basic.
"""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import requests


class SignOnProvider:
    """The running provider; `users` is what it knows of people, by subject."""

    def __init__(self, users: dict[str, dict[str, object]]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(users)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.issuer = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def sign_in(self, url: str, subject: str) -> dict[str, str]:
        """What a person's browser does there; gives what it brings back to us."""
        answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text[:500]
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in asked.items()}

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def sign_on_provider(users: dict[str, dict[str, object]]) -> Iterator[SignOnProvider]:
    """A running provider that knows these people."""
    running = SignOnProvider(users)
    try:
        yield running
    finally:
        running.close()


def main(users: dict[str, dict[str, object]]) -> None:
    """The process: tells its port in a line, then serves until it is ended."""
    import flask
    import werkzeug.serving
    from oidc_provider_mock import User, app

    challenges: list[str] = []
    known = [User(sub=sub, claims=claims) for sub, claims in users.items()]
    program = app(require_nonce=True, user_claims=known)

    @program.before_request
    def hold_to_pkce() -> tuple[str, int] | None:
        request = flask.request
        if request.path.endswith("/authorize") and request.args.get("code_challenge_method") == "S256":
            challenges.append(request.args["code_challenge"])
        if not request.path.endswith("/token"):
            return None
        told = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(told).decode().rstrip("=")
        basic = request.headers.get("Authorization", "").startswith("Basic ")
        return None if basic and challenge in challenges else ("invalid_grant", 400)

    server = werkzeug.serving.make_server("127.0.0.1", 0, program, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
