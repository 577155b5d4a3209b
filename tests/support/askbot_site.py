"""A real Askbot on SQLite: an asker and an official who write by its forms, as people do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from kits import ASKBOT
from programs import answers, free_port, running

_READER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0",
    "Accept-Language": "zh-CN",
}
_PEOPLE = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
store = import_module(settings.SESSION_ENGINE).SessionStore
told = {}
for name in ('asker', 'official'):
    user = get_user_model().objects.create_user(name, name + '@example.org', 'made-up')
    user.set_status('a'); user.save()
    session = store()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    told[name] = [user.pk, session.session_key, settings.SESSION_COOKIE_NAME]
print('PEOPLE ' + json.dumps(told))
"""


class Member:
    """Somebody who is signed in at the site."""

    def __init__(self, url: str, number: int, session: str, cookie: str) -> None:
        self._url, self.number = url, number
        self._browser = requests.Session()
        self._browser.headers.update(_READER)
        self._browser.cookies.set(cookie, session)

    def ask(self, title: str, text: str, tags: str) -> str:
        """Asks by the site's form; the question's address."""
        return self._post("/questions/ask/", "/questions/ask/", title=title, text=text, tags=tags)

    def answer(self, question: str, text: str) -> str:
        number = re.search(r"/question/(\d+)/", question)
        assert number is not None
        return self._post(question, f"/s/questions/{number[1]}/answer/", text=text)

    def _post(self, page: str, action: str, **form: str) -> str:
        page = page if page.startswith("http") else self._url + page
        self._browser.get(page, timeout=60)
        token = next(cookie.value for cookie in self._browser.cookies if "csrf" in cookie.name)
        headers = {"Referer": page, "X-CSRFToken": token or ""}
        sent = {**form, "csrfmiddlewaretoken": token or ""}
        answer = self._browser.post(
            f"{self._url}{action}", data=sent, headers=headers, timeout=60, allow_redirects=False
        )
        assert answer.status_code == 302, f"{answer.status_code} {answer.text[-800:]}"
        return requests.compat.urljoin(self._url, answer.headers["Location"])


class AskbotSite:
    def __init__(self, port: int, people: dict[str, tuple[int, str, str]]) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.asker, self.official = (Member(self.url, *people[name]) for name in ("asker", "official"))

    def read(self, question: str) -> None:
        """Reads a question as a stranger with a browser of their own does: only such visits count."""
        answer = requests.get(question, headers=_READER, timeout=60)
        assert answer.status_code == 200

    def titles(self, title: str) -> int:
        """How many questions have this title, by the site's own list."""
        told = requests.get(f"{self.url}/api/v1/questions/", timeout=60).json()
        return sum(item["title"] == title for item in told["questions"])


@contextmanager
def askbot_site() -> Iterator[AskbotSite]:
    """Runs the site. Raises Missing."""
    kit = ASKBOT.ready()
    root, python = kit / "community", kit / "bin/python"
    with TemporaryDirectory(prefix="run-", dir=kit) as name:
        folder, port = Path(name), free_port()
        shutil.copy(root / "empty.sqlite3", folder / "voice.sqlite3")
        variables = {"YV_DATABASE": str(folder / "voice.sqlite3")}
        people = _people(python, root, variables)
        command = [python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        ready = answers(f"http://127.0.0.1:{port}/api/v1/info/")
        with running(command, folder, ready, variables=variables, at=root):
            yield AskbotSite(port, people)


def _people(python: Path, root: Path, variables: dict[str, str]) -> dict[str, tuple[int, str, str]]:
    done = subprocess.run(
        [python, "manage.py", "shell", "-c", _PEOPLE],
        cwd=root,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "PEOPLE " in done.stdout, done.stdout[-1000:] + done.stderr[-2000:]
    told: dict[str, tuple[int, str, str]] = json.loads(done.stdout.split("PEOPLE ", 1)[1].splitlines()[0])
    return told
