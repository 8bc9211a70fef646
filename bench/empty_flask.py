"""An empty Flask answer behind the same server with the same options: what a request costs before anyone has done anything."""

from __future__ import annotations

from flask import Flask, Response

from cityops.config import Settings
from cityops.serve.web import CityServer


class EmptyServer(CityServer):
    """The product's server with an application that does nothing."""

    def load(self) -> Flask:
        app = Flask("empty", static_folder=None)

        @app.get("/healthz")
        def nothing() -> Response:
            return Response(b"")

        return app


if __name__ == "__main__":
    EmptyServer(Settings.from_env()).run()
