"""Commits every few milliseconds, as a process of its own: `python -m benchmarks._committer ADDRESS`.

Says `begun` after its first commit; once its standard input ends, how many there were.
"""

import sys
import threading

from sqlalchemy import text

from config.database import connect

_PAUSE = 0.002  # seconds: shorter than a page takes to make, and the core is not all its own
# Each commit changes something: SQLite writes no page whose bytes stay the same, and then nothing is new.
_WRITE = text(
    "INSERT INTO role_rule (role, second_factor) VALUES ('judge', false) "
    "ON CONFLICT (role) DO UPDATE SET second_factor = NOT role_rule.second_factor"
)


def main(address: str) -> None:
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    database, commits = connect(address), 0
    while not ended.is_set():
        with database.write() as session:
            session.execute(_WRITE)
        commits += 1
        ended.wait(_PAUSE)
        if commits == 1:
            print("begun", flush=True)
    print(commits)
    database.close()


if __name__ == "__main__":
    main(sys.argv[1])
