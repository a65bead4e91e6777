"""The floor: a bare Flask view that parses the same body and answers one constant card."""

from __future__ import annotations

import sys

import orjson
from flask import Flask, Response, request

from cds_service.serve import Server, gunicorn_options
from cds_service.settings import Settings

_CARD = orjson.dumps(
    {"cards": [{"summary": "constant", "indicator": "info", "source": {"label": "floor"}}]}
)


def create_floor() -> Flask:
    """Build the application."""
    app = Flask("floor", static_folder=None)

    @app.post("/cds-services/floor")
    def call() -> Response:
        orjson.loads(request.get_data(cache=False))
        return Response(_CARD, mimetype="application/json")

    return app


if __name__ == "__main__":
    settings = Settings(bind=sys.argv[1], log_level="ERROR")
    Server(gunicorn_options(settings, int(sys.argv[2])), create_floor).run()
