"""A video on its way in: a resumable session, asked how far it came before anything is sent again.

The session is the key to a lost answer: 308 says what is missing, 200 or 201 give the video.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._elsewhere import at_home
from connectors._errors import NeedsPerson, Refused, Uncertain, Unreachable
from connectors._film import PATIENCE, Piece, size_of
from connectors._http import Answer
from connectors._json import remote_id
from connectors._youtube_calls import at, bearer, failure
from connectors._youtube_quota import insert_units, spend

PART_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB
PRIVACY = ("public", "unlisted", "private")
_SESSION_LIFE = timedelta(days=6)  # of the week that a session lives
_KEPT = timedelta(days=60)
_RANGE = re.compile(r"bytes=0-([0-9]{1,15})")
_GONE = (404, 410)


@dataclass(frozen=True)
class Session:
    """An upload under way. `ending`: its last bytes have been sent once, the video may be there."""

    url: str
    ending: bool


def submit(access: Access, outgoing: Outgoing, video: Media) -> Receipt:
    """Uploads; goes on where an earlier try was cut off. The platform works on it after that."""
    total = size_of(video)
    session = known(access, outgoing)
    if session is None:
        session = Session(_started(access, outgoing, total), ending=False)
        _keep(access, outgoing, session)
        begin = 0
    else:
        stand = asked(access, outgoing, session, total)
        if isinstance(stand, Receipt):
            return stand
        begin = stand
    while True:
        size = min(PART_BYTES, total - begin)
        last = begin + size >= total
        if last:
            session = Session(session.url, ending=True)
            _keep(access, outgoing, session)
        stand = _sent(access, outgoing, session, Piece(video.path, begin, size), begin, total, last=last)
        if isinstance(stand, Receipt):
            return stand
        if stand <= begin:
            raise Unreachable("the upload did not move on", platform_code="bad-answer")
        begin = stand


def asked(access: Access, outgoing: Outgoing, session: Session, total: int) -> Receipt | int:
    """How far the session has come: the video, or how many bytes are there.

    A session that is gone is forgotten; raises Uncertain where the video may have been made by it.
    """
    headers = {"Content-Range": f"bytes */{total}", **bearer(access)}
    url = at_home(access, session.url, "googleapis.com")
    answer = access.http.call("PUT", url, writes=False, raw=b"", headers=headers, redirect_tells=True)
    if answer.status in _GONE:
        _forget(access, outgoing)
        gone = Uncertain if session.ending else Unreachable
        raise gone("the upload's session is gone", platform_code="session-gone")
    return _stand(access, outgoing, answer)


def known(access: Access, outgoing: Outgoing) -> Session | None:
    kept = access.memory.get(_name(outgoing))
    if kept is None:
        return None
    url, ending = json.loads(kept)
    return Session(str(url), bool(ending))


def accepted(access: Access, outgoing: Outgoing, video_id: str) -> Receipt:
    """This video is this delivery's: another of the same title is not taken for it."""
    access.memory.put(f"sent-{video_id[:80]}", outgoing.key, until=access.now() + _KEPT)
    return Receipt(ReceiptState.ACCEPTED, video_id, detail={"privacy": privacy(outgoing)})


def privacy(outgoing: Outgoing) -> str:
    return outgoing.options.get("privacy") or "public"


def tags_of(outgoing: Outgoing) -> list[str]:
    written = outgoing.options.get("tags", "").replace("，", ",").split(",")
    return list(dict.fromkeys(tag.strip() for tag in written if tag.strip()))


def _started(access: Access, outgoing: Outgoing, total: int) -> str:
    """The address of a new session. Not a write: a session without bytes makes nothing."""
    spend(access, insert_units(access))
    options = outgoing.options
    snippet: dict[str, object] = {
        "title": outgoing.title,
        "description": outgoing.text,
        "categoryId": options.get("category") or "22",
        "defaultLanguage": options.get("language") or "zh",
    }
    if tags_of(outgoing):
        snippet["tags"] = tags_of(outgoing)
    status: dict[str, object] = {
        "privacyStatus": privacy(outgoing),
        "selfDeclaredMadeForKids": options.get("made_for_kids") == "yes",
    }
    if options.get("synthetic") == "yes":
        status["containsSyntheticMedia"] = True
    answer = access.http.call(
        "POST",
        at(
            access,
            "/upload/youtube/v3/videos?part=snippet,status&uploadType=resumable&notifySubscribers=false",
        ),
        writes=False,
        json_body={"snippet": snippet, "status": status},
        headers={
            "X-Upload-Content-Length": str(total),
            "X-Upload-Content-Type": "video/mp4",
            **bearer(access),
        },
        once=True,
    )
    if answer.status != 200:
        raise failure(access, answer)
    if "location" not in answer.headers:
        raise Unreachable("the answer names no session", platform_code="bad-answer")
    return at_home(access, answer.headers["location"], "googleapis.com")


def _sent(
    access: Access,
    outgoing: Outgoing,
    session: Session,
    piece: Piece,
    begin: int,
    total: int,
    *,
    last: bool,
) -> Receipt | int:
    """Sends a stretch. Only the last one makes a video: the others may be repeated."""
    headers = {
        "Content-Range": f"bytes {begin}-{begin + len(piece) - 1}/{total}",
        "Content-Type": "video/mp4",
    }
    answer = access.http.call(
        "PUT",
        at_home(access, session.url, "googleapis.com"),
        writes=last,
        raw=piece,
        headers={**headers, **bearer(access)},
        seconds=PATIENCE * access.http.seconds,
        once=True,
        redirect_tells=True,
    )
    if answer.status in _GONE and not last:
        _forget(access, outgoing)
        raise Unreachable("the upload's session is gone", platform_code="session-gone")
    if answer.status in _GONE:
        raise Uncertain("the upload's session is gone", platform_code="session-gone")
    return _stand(access, outgoing, answer)


def _stand(access: Access, outgoing: Outgoing, answer: Answer) -> Receipt | int:
    if answer.status == 308:
        # Without a Range nothing has arrived.
        found = _RANGE.fullmatch(answer.headers.get("range", ""))
        return int(found[1]) + 1 if found else 0
    if answer.status not in (200, 201):
        error = failure(access, answer)
        if isinstance(error, (Refused, NeedsPerson)):
            _forget(access, outgoing)
        raise error
    video_id = remote_id(answer.json_object().get("id"))
    if video_id is None:
        raise answer.bad("no video")
    return accepted(access, outgoing, video_id)


def _keep(access: Access, outgoing: Outgoing, session: Session) -> None:
    told = json.dumps([session.url, session.ending])
    access.memory.put(_name(outgoing), told, until=access.now() + _SESSION_LIFE)


def _forget(access: Access, outgoing: Outgoing) -> None:
    access.memory.forget(_name(outgoing))


def _name(outgoing: Outgoing) -> str:
    return f"session-{outgoing.key}"
