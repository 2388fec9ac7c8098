"""Pick free ports on this machine."""

import socket

import psutil

from tools.console import warn

HOST = "127.0.0.1"
ANY_PORT = 0


def pick_port(preferred: int, server: str) -> int:
    """Return the preferred port if it is free. Otherwise warn which process uses it and return another free port.

    `ANY_PORT` means no preference.
    """
    if preferred == ANY_PORT:
        return _free_port()
    if _is_free(preferred):
        return preferred
    other = _free_port()
    warn(f"port {preferred} is in use by {_owner(preferred)}; the {server} uses port {other}")
    return other


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A server can bind a port whose last connections are still closing.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, ANY_PORT))
        port: int = probe.getsockname()[1]
        return port


def _owner(port: int) -> str:
    unknown = "a process of another user"
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next((c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port), None)
        return f"{psutil.Process(pid).name()} (process {pid})" if pid else unknown
    except psutil.Error:
        return unknown
