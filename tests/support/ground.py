"""Where tests write: in memory, where the machine lends enough of it.

A database for every test is some hundred small files; on a disk their making and unmaking costs several times
the processor's time of the tests themselves, and more where several workers do it at once.
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the files themselves lie in folders of pytest's, closed to others
_ENOUGH = 2 * 2**30  # bytes free: a worker takes some 300 MB


def write_in_memory() -> None:
    """Temporary files of this process and its children lie in memory; nothing changes where somebody chose.

    Containers often lend 64 MB only: then the disk it is.
    """
    chosen = any(name in os.environ for name in ("TMPDIR", "PYTEST_DEBUG_TEMPROOT"))
    if chosen or not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ENOUGH:
        return
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None  # pytest's capturing has asked already
