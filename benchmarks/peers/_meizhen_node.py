"""Meizhen itself: the same posts in its own tables; `meizhen worker` publishes them as for everybody."""

import os
from datetime import UTC, datetime

from benchmarks._stage import fill as fill_queue
from config.database import open_database
from config.settings import load_settings
from meizhen.house import make_house


def fill() -> None:
    settings = load_settings()
    make_house(settings)
    database = open_database(settings)
    posts, accounts = int(os.environ["PEERS_POSTS"]), int(os.environ["PEERS_ACCOUNTS"])
    address = os.environ["PEERS_ADDRESS"]
    fill_queue(database, address, posts, accounts, datetime.now(UTC))
    database.close()
