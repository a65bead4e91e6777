// A FHIR server on loopback, for whoever brings the token.
//
// Prints its port once it listens. The environment gives TOKEN; PUT /fhir/Type/id fills it.

import { createServer } from "node:http";
import { serveFhir } from "./fhir.mjs";

const allows = (request) => request.headers.authorization === `Bearer ${process.env.TOKEN}`;
const server = createServer((request, response) => serveFhir(request, response, allows));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
