"""Who issues tokens on this machine: an OpenID provider that tells its address of its keys, and
nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

AUDIENCE = "sluice"


class Issuer:
    """`key` is told to who asks; what is signed with another one is a forgery."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = new_key("known")

    def token(self, subject: str | None, key: RSAKey | None = None, **claims: Any) -> str:
        """Good for five minutes, unless `claims` say otherwise; what is None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300}
        told = {name: value for name, value in (usual | claims).items() if value is not None}
        signs = key or self.key
        return jwt.encode({"alg": "RS256", "kid": signs.kid}, told, signs)


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name, "use": "sig", "alg": "RS256"})


@contextmanager
def serving_issuer() -> Iterator[Issuer]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = {
                "/.well-known/openid-configuration": {
                    "issuer": issuer.url,
                    "jwks_uri": f"{issuer.url}/keys",
                },
                "/keys": {"keys": [issuer.key.as_dict(private=False)]},
            }.get(self.path)
            body = json.dumps(told).encode()
            self.send_response(200 if told else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
