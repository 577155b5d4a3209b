"""Carries WeChat's events to an account's callback address, as the platform does (sheet sections 5 and 7).

Switch `callback` = {"token", "aes_key", "url"}: events are posted there when a job ends, each as often as
the switch `events` says (2: twice, 0: never). "early": True ends a job before its own `submit` is answered,
so that the event comes first. Without "url" events are only made. Jobs end by themselves where the world runs
with the machine's time; where it stands, they end at the next call.
"""

import http.client
import threading
from urllib.parse import urlencode, urlsplit

from sandbox.platforms._wechat_events import EventPost, events_of
from sandbox.world import SandboxAccount

_PATIENCE_SECONDS = 5.0


def carry(account: SandboxAccount, made: int) -> None:
    """Posts what was made for the account since there were `made` events; the answers are kept in its state.

    Early ones are posted before this returns, others from a thread of their own: the world goes on.
    """
    keys = account.switches.get("callback") or {}
    posts = events_of(account)[made:]
    if not keys.get("url") or not posts:
        return
    if keys.get("early"):
        _post(account, keys["url"], posts)
    else:
        threading.Thread(target=_post, args=(account, keys["url"], posts), daemon=True).start()


def _post(account: SandboxAccount, url: str, posts: list[EventPost]) -> None:
    target = urlsplit(url)
    answers: list[str] = account.state.setdefault("callback_answers", [])
    for post in posts:
        connection = http.client.HTTPConnection(target.netloc, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(
                "POST", f"{target.path}?{urlencode(post.query)}", post.body, {"Content-Type": "text/xml"}
            )
            answer = connection.getresponse()
            answers.append(f"{answer.status} {answer.read(100).decode('utf-8', 'replace')}")
        except OSError as error:
            answers.append(type(error).__name__)
        finally:
            connection.close()
