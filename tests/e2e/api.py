"""What a test asks the server beside the browser: facts to aim at, and whether what was seen is also true."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

from tests.e2e.conftest import PASSWORD


class Api:
    """One account's view of the server, by bearer token."""

    def __init__(self, site: str, login: str) -> None:
        self.site = site
        answer = self._send("POST", "/tokens", {"login": login, "password": PASSWORD, "kind": "bearer", "label": "test"})
        self.token: str | None = answer["token"]

    token = None

    def _send(self, method: str, path: str, body: Any = None) -> Any:  # Any: JSON
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.site}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def get(self, path: str, **query: Any) -> Any:  # Any: JSON in and out
        """The JSON at a path below /api/v1."""
        return self._send("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def post(self, path: str, body: Any) -> Any:  # Any: JSON in and out
        """Post JSON."""
        return self._send("POST", path, body)

    def component_of_my_beat(self, class_code: str) -> dict[str, Any]:
        """A component of a class in a cell of the viewer's own beat."""
        beats = set(self.get("/session")["user"]["beats"])
        for cell in self.get("/cells", limit=500)["items"]:
            if cell["beat_id"] in beats:
                found = self.get("/components", division=cell["code"], **{"class": class_code}, limit=1)["items"]
                if found:
                    return dict(found[0])
        raise LookupError(f"no component of class {class_code} in the beats {sorted(beats)}")
