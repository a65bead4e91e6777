// Swagger UI on our own page: its own page starts it from an inline script, which the policy forbids.
"use strict";

const place = document.getElementById("swagger-ui");
SwaggerUIBundle({ domNode: place, url: place.dataset.document, deepLinking: true, validatorUrl: null });
