"""Ports on this machine: which are free, and who has the others."""

import socket

import psutil

from local.say import note

HOST = "127.0.0.1"
ANY = 0


def choose(wanted: int, purpose: str) -> int:
    """The wanted port when it is free, else another one, after saying who has the wanted one. `ANY` wants none."""
    if wanted == ANY:
        return _free()
    if _is_free(wanted):
        return wanted
    other = _free()
    note(f"port {wanted} is taken by {_holder(wanted)}: {purpose} uses {other}")
    return other


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A port whose last connections are still closing is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, ANY))
        port: int = probe.getsockname()[1]
        return port


def _holder(port: int) -> str:
    unknown = "a process that this user may not see"
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next((c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port), None)
        return f"{psutil.Process(pid).name()} (process {pid})" if pid else unknown
    except psutil.Error:
        return unknown
