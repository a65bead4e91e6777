"""The description of the HTTP interface as a page: Swagger UI over our own OpenAPI document."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, render_template

from cds_service.web.views import POLICY

# What Swagger UI needs beyond our own pages: the icons in its style sheet are data of that sheet.
_POLICY = f"{POLICY}; img-src data:"


def interface() -> Blueprint:
    """Return the page and the files of Swagger UI.

    What it is allowed to load, and why: docs/decisions/0018-pages-for-people.md.
    """
    routes = Blueprint(
        "interface",
        __name__,
        static_folder=str(files("flask_swagger_ui") / "dist"),
        static_url_path="/docs/static",
    )

    @routes.get("/docs")
    def show() -> str:
        return render_template("interface.html")

    @routes.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    return routes
