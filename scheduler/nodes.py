"""Names of publishing nodes, and whether a node is certainly dead.

A name says machine, boot, process namespace, process and its start: a killed node's lanes can be taken over
at once by a node that can see that this very process is gone. Anywhere else the lease must run out.
"""

import os
import secrets
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_node() -> str:
    """The name of a node in this process; two nodes in one process differ by their last part."""
    return (
        f"{socket.gethostname()[:24]}:{_place()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(2)}"
    )


def is_dead(node: str) -> bool:
    """True only when `node` ran in this boot and process namespace and its process is gone."""
    try:
        _host, place, pid, started, _nonce = node.split(":")
    except ValueError:
        return False
    if not place or place != _place():
        return False
    return _started(int(pid)) != started


def _place() -> str:
    """Boot and process namespace; '' where the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii")[:8]
        return f"{boot}-{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """The start of a process in clock ticks since boot; '' when there is none, or only its remains."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
