"""A house with people at every place of the tree, keys for them, accounts and posts: for tests of the API."""

from datetime import timedelta
from pathlib import Path

from api_caller import Caller
from fastapi import FastAPI
from people import make_person, make_tree

from config import Database
from config.clock import Clock
from config.secrets import KeyRing
from config.settings import load_settings
from organisation import Account, Act, Person, Role, Unit, add_key
from web.api.app import api_app
from web.desk import Desk

EVERYTHING = tuple(Act)


class ApiHouse:
    """Units NM > HH > HH-1, NM > BT, and BJ; an account `webhook:CODE` at each; the API over them."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: Clock, folder: Path, per_minute: int = 1_000_000
    ) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.units = make_tree(database)
        self.accounts: dict[str, Account] = {}
        with database.write() as session:
            for code, unit in self.units.items():
                account = Account(unit_id=unit.id or 0, platform="webhook", handle=code, name=f"账号{code}")
                session.add(account)
                self.accounts[code] = account
        settings = load_settings({"MEIZHEN_HOME": str(folder), "MEIZHEN_API_PER_MINUTE": str(per_minute)})
        self.woken = 0
        self.desk = Desk(settings, database, keys, clock, self._wake)
        self.app: FastAPI = api_app(self.desk)

    def _wake(self) -> None:
        self.woken += 1

    def person(
        self, login: str, role: Role | None, unit: str | None = None, home: str | None = None
    ) -> Person:
        """Somebody who is present, with a role at a unit (None: the whole house)."""
        place: Unit | None = None if unit is None else self.units[unit]
        roles = {} if role is None else {role: place}
        at = self.units[home] if home else None
        return make_person(self.database, self.keys, login, at=self.clock.now(), unit=at, roles=roles)

    def key(self, person: Person, *scopes: Act, days: int = 365) -> str:
        """A key of the person's; of all acts without any named."""
        with self.database.write() as session:
            _, token = add_key(
                session,
                self.keys,
                person,
                "test",
                scopes or EVERYTHING,
                days=days,
                at=self.clock.now(),
                actor="test",
            )
        return token

    def caller(self, token: str = "") -> Caller:
        """A program with this key."""
        return Caller(self.app, token, prefix="")

    def owner(self) -> Caller:
        """A program of an owner of the whole house."""
        return self.caller(self.key(self.person("owner", Role.OWNER)))

    def written(self, account: str = "HH", **more: object) -> dict[str, object]:
        """The body of a post for the account of a unit."""
        due = (self.clock.now() + timedelta(hours=1)).isoformat()
        return {"title": "草原", "text": "早上六点", "accounts": [f"webhook:{account}"], "due": due} | more
