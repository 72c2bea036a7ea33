"""Resolves console.tim.qq.com to 127.0.0.1 and the port of RESOLVE_TO, if it is set."""

import os
import socket

port = os.environ.get("RESOLVE_TO")
if port:
    system = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if host in ("console.tim.qq.com", b"console.tim.qq.com"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
        return system(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
