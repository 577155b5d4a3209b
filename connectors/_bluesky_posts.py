"""Sending a post under a key chosen before, and finding it by that key."""

import json
from datetime import datetime, timedelta
from typing import Any

from connectors._bluesky_calls import Session, address, failure, fine, words
from connectors._bluesky_text import facets, links
from connectors._bluesky_tid import make_tid, moment_of
from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, Refused
from connectors._http import Answer
from connectors._json import line

COLLECTION = "app.bsky.feed.post"
PICTURES = 4
PICTURE_BYTES = 2_000_000
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_KEPT = timedelta(days=400)  # far longer than a post can stay in doubt
_UNREADABLE = Label("存档的图片读不到，请重新上传。", "The stored picture cannot be read: upload it again.")


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """Puts the record under the post's own key: a repeat is the same record, and nothing changes."""
    tid = _tid(access, outgoing)
    session = Session(access)
    body = {
        "repo": session.did,
        "collection": COLLECTION,
        "rkey": tid,
        "swapRecord": None,  # only where there is none yet
        "record": _record(session, outgoing, tid),
    }
    return _receipt(session.write("com.atproto.repo.putRecord", body), session.handle, tid)


def find_post(access: Access, outgoing: Outgoing) -> Receipt | None:
    """The record under the post's key; without a key nothing was ever sent. Public: no session is spent."""
    tid = access.memory.get(_name(outgoing))
    if tid is None:
        return None
    repo = access.credentials["identifier"]
    answer = access.http.call(
        "GET",
        address(access, "com.atproto.repo.getRecord"),
        writes=False,
        params={"repo": repo, "collection": COLLECTION, "rkey": tid},
    )
    if answer.status == 400 and words(answer)[0] == "RecordNotFound":
        return None
    if answer.status != 200:
        raise failure(access, answer)
    return _receipt(answer, repo, tid)


def public_url(handle: str, uri: str) -> str:
    """Where readers find the post."""
    return f"https://bsky.app/profile/{handle}/post/{uri.rsplit('/', 1)[-1]}"


def _name(outgoing: Outgoing) -> str:
    return f"tid-{outgoing.key}"


def _tid(access: Access, outgoing: Outgoing) -> str:
    """The post's record key, kept before anything is sent: the same for every repeat, on every node."""
    name = _name(outgoing)
    with access.memory.single_flight(name):
        tid = access.memory.get(name)
        if tid is None:
            tid = make_tid(access.now(), f"{access.account} {outgoing.key}")
            access.memory.put(name, tid, until=access.now() + _KEPT)
    return tid


def _record(session: Session, outgoing: Outgoing, tid: str) -> dict[str, object]:
    """The same for every repeat: its moment is the key's, its pictures are named by their content."""
    at = moment_of(tid)
    record: dict[str, object] = {
        "$type": COLLECTION,
        "text": outgoing.text,
        "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "langs": [outgoing.options.get("language") or "zh"],
    }
    found = facets(outgoing.text, lambda handle: _did_of(session, handle))
    if found:
        record["facets"] = found
    embed = _embed(session, outgoing)
    if embed:
        record["embed"] = embed
    return record


def _embed(session: Session, outgoing: Outgoing) -> dict[str, object] | None:
    """The pictures, else a card of the first link under the post's title."""
    if outgoing.media:
        images = [{"image": _blob(session, media), "alt": media.alt} for media in outgoing.media]
        return {"$type": "app.bsky.embed.images", "images": images}
    link = next(links(outgoing.text), None)
    if link is None or not outgoing.title:
        return None
    card = {"uri": link.value, "title": outgoing.title, "description": ""}
    return {"$type": "app.bsky.embed.external", "external": card}


def _blob(session: Session, media: Media) -> dict[str, Any]:
    try:
        content = media.path.read_bytes()
    except OSError as error:
        told = f"{media.file_name}: {type(error).__name__}"
        raise Refused(told, platform_code="media-unreadable", remedy=_UNREADABLE) from None
    return session.upload(content, media.content_type)


def _did_of(session: Session, handle: str) -> str | None:
    """Whose this handle is, as first learnt: a later change must not change the record."""
    access, name = session.access, f"did-{handle.lower()}"[:120]
    kept = access.memory.get(name)
    if kept is None:
        kept = json.dumps(_resolved(access, handle))
        access.memory.put(name, kept)
    did: str | None = json.loads(kept)
    return did


def _resolved(access: Access, handle: str) -> str | None:
    answer = access.http.call(
        "GET",
        address(access, "com.atproto.identity.resolveHandle"),
        writes=False,
        params={"handle": handle},
    )
    if answer.status == 400:
        return None
    did = fine(access, answer).get("did")
    return did if isinstance(did, str) and did.startswith("did:") else None


def _receipt(answer: Answer, handle: str, tid: str) -> Receipt:
    told = answer.json_object()
    uri, cid = told.get("uri"), told.get("cid")
    if not isinstance(uri, str) or not uri.endswith(f"/{COLLECTION}/{tid}") or len(uri) > 200:
        raise answer.bad("no uri of our record")
    detail = {"cid": line(cid, 100)} if isinstance(cid, str) else {}
    return Receipt(ReceiptState.PUBLISHED, uri, public_url(handle, uri), detail)


def moment(value: object) -> datetime | None:
    """An ISO time with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
