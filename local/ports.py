"""Pick free ports on this machine."""

import socket

import psutil

from tools.console import warn

HOST = "127.0.0.1"
ANY_PORT = 0
# The servers of a stack search in steps, so that they never pick the same port.
STEP = 10
MAX_PORT = 65_535


def pick_port(preferred: int, server: str) -> int:
    """Return the preferred port if it is free. Otherwise warn which process uses it and return the next free port.

    `ANY_PORT` means no preference.
    """
    if preferred == ANY_PORT:
        return _free_port()
    if is_free(preferred):
        return preferred
    # Systems assign high ports to outgoing connections, so a port near the preferred one is more likely to stay free.
    following = range(preferred + STEP, MAX_PORT + 1, STEP)
    other = next((port for port in following if is_free(port)), None) or _free_port()
    warn(f"port {preferred} is in use by {owner(preferred)}; the {server} uses port {other}")
    return other


def is_free(port: int) -> bool:
    """Return whether a server can listen on the port."""
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


def owner(port: int) -> str:
    """Return the name, the ID and the folder of the process that listens on the port, as far as they are known."""
    unknown = "another process"
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pid = next((c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port), None)
        if pid is None:
            return unknown
        process = psutil.Process(pid)
        return f"{process.name()} (process {pid} in {process.cwd()})"
    except psutil.Error:
        return unknown
