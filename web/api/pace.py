"""How often a key may ask: a bucket of tokens a key, in this process (docs/decisions/0017)."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from config.errors import MeizhenError

_MOST_KEYS = 10_000  # full buckets are forgotten before that


@dataclass
class _Bucket:
    tokens: float
    at: datetime


class Pace:
    """At most so many requests a minute and key, and at once as many as were saved up."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._buckets: dict[int, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key_id: int, now: datetime) -> Mapping[str, str]:
        """Takes a token; gives the headers that tell what is left. Raises MeizhenError `api.too_many`."""
        with self._lock:
            bucket = self._filled(key_id, now)
            if bucket.tokens < 1:
                seconds = math.ceil((1 - bucket.tokens) * 60 / self._most)
                raise MeizhenError("api.too_many", limit=self._most, seconds=max(1, seconds))
            bucket.tokens -= 1
            left = bucket.tokens
        return self.told(left)

    def told(self, left: float) -> Mapping[str, str]:
        """The IETF draft's headers: the policy, what remains, seconds until all is back."""
        back = math.ceil((self._most - left) * 60 / self._most)
        return {
            "RateLimit-Policy": f'"key";q={self._most};w=60',
            "RateLimit": f'"key";r={int(left)};t={back}',
        }

    def _filled(self, key_id: int, now: datetime) -> _Bucket:
        bucket = self._buckets.get(key_id)
        if bucket is None:
            if len(self._buckets) >= _MOST_KEYS:
                self._forget(now)
            bucket = self._buckets[key_id] = _Bucket(self._most, now)
        passed = max(0.0, (now - bucket.at).total_seconds())  # a clock may be set back
        bucket.tokens = min(float(self._most), bucket.tokens + passed * self._most / 60)
        bucket.at = now
        return bucket

    def _forget(self, now: datetime) -> None:
        """Whoever has not asked for a minute has a full bucket, as if there were none."""
        kept = {key: one for key, one in self._buckets.items() if (now - one.at).total_seconds() < 60}
        self._buckets = kept
