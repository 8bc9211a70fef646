"""Liveness, readiness and the figures Prometheus collects."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cityops.http.problem import problem


def register(app: Flask) -> None:
    """Add `/healthz` (the process answers) and `/readyz` (the database answers too)."""

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> Response:
        engine = current_app.extensions["cityops_engine"]
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return problem(
                503, "database-unreachable", "The database does not answer.", fix="look at the server's log; it comes back by itself"
            )
        return jsonify(status="ready")
