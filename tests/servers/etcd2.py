"""A plain client of etcd's v2 API, which says exactly what a test wants it to say."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.servers.etcd import EtcdServer


@dataclass(frozen=True, slots=True)
class PlainV2:
    """Asks one server; `user` is `name:password`."""

    server: EtcdServer
    user: str | None = None

    def put(self, path: str, form: bytes | str) -> dict[str, Any]:
        """Write a node; the form is sent as it is."""
        return self._ask("PUT", f"/v2/keys{path}", form.encode() if isinstance(form, str) else form)

    def delete(self, path: str, query: str = "") -> dict[str, Any]:
        """Delete a node."""
        return self._ask("DELETE", f"/v2/keys{path}?{query}")

    def get(self, path: str, query: str = "quorum=true") -> dict[str, Any]:
        """Read a node."""
        return self._ask("GET", f"/v2/keys{path}?{query}")

    def enable_auth(self, root_password: str) -> "PlainV2":
        """Switch authentication on, let nobody do anything without a name, and give the client of root."""
        root = PlainV2(self.server, f"root:{root_password}")
        root._say("users/root", {"user": "root", "password": root_password})
        root._say("enable", {})
        root._say("roles/guest", {"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}})
        return root

    def add_user(self, name: str, password: str, *, read: list[str], write: list[str]) -> None:
        """Add a user with a role of the same name; `/a/*` is everything that begins with `/a/`."""
        self._say(f"roles/{name}", {"role": name, "permissions": {"kv": {"read": read, "write": write}}})
        self._say(f"users/{name}", {"user": name, "password": password, "roles": [name]})

    def _say(self, what: str, body: object) -> None:
        self._ask("PUT", f"/v2/auth/{what}", json.dumps(body).encode())

    def _ask(self, method: str, target: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.server.url}{target}", body, method=method)  # noqa: S310 - the server's own URL
        if self.user:
            request.add_header("Authorization", f"Basic {base64.b64encode(self.user.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the test server on loopback
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        read: dict[str, Any] = json.loads(body or b"{}")
        return read


def quoted(value: bytes) -> str:
    """Spell a value for a form."""
    return urllib.parse.quote_from_bytes(value, safe="")
