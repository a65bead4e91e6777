// An EHR for tests: oidc-provider in front of the FHIR server of tests/fhir_server, on loopback.
//
// Prints its port once it listens. The environment gives TOKEN, which fills the FHIR server, and
// what every launch here is about: LAUNCH, PATIENT, APP_CONTEXT, REDIRECT_URI and SCOPES.

import { createServer } from "node:http";
import Provider from "oidc-provider";
import { PREFIX, serveFhir } from "../fhir_server/fhir.mjs";

// Its warnings are about running it in earnest; the port alone goes to whoever started this.
console.info = console.warn = console.error;

const { APP_CONTEXT, LAUNCH, PATIENT, REDIRECT_URI, SCOPES, TOKEN } = process.env;
const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;
const base = `${origin}${PREFIX}`;

const provider = new Provider(origin, {
  clients: [
    {
      client_id: "red-flag-form",
      client_secret: "a-secret-of-this-test",
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  cookies: { keys: ["of this test"] },
  extraParams: ["aud", "launch"],
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  scopes: ["launch", "launch/patient", ...SCOPES.split(" ")],
});

// What SMART adds to OAuth 2: whom the token is for, and the context beside it.
provider.use(async (context, next) => {
  if (context.path === "/auth" && context.query.client_id) {
    const { aud, launch, scope } = context.query;
    const launched = scope.split(" ").includes("launch");
    if (aud !== base || launch !== (launched ? LAUNCH : undefined)) {
      context.throw(400, "no such launch");
    }
  }
  await next();
  if (context.path === "/token" && context.body?.access_token) {
    Object.assign(context.body, { patient: PATIENT, appContext: APP_CONTEXT, need_patient_banner: true });
  }
});
const authorize = provider.callback();

async function allows(request) {
  const token = request.headers.authorization?.replace(/^Bearer /, "");
  if (token === TOKEN) {
    return true;
  }
  const found = token && (await provider.AccessToken.find(token));
  const type = request.url.slice(PREFIX.length + 1).split(/[/?]/)[0];
  const letter = request.method === "GET" ? "s" : "c";
  return Boolean(found) && found.scope.split(" ").some((scope) => {
    const [name, may] = scope.replace("patient/", "").split(".");
    return name === type && may?.includes(letter);
  });
}

server.on("request", (request, response) => {
  if (request.url === `${PREFIX}/.well-known/smart-configuration`) {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(
      JSON.stringify({
        issuer: origin,
        authorization_endpoint: `${origin}/auth`,
        token_endpoint: `${origin}/token`,
        code_challenge_methods_supported: ["S256"],
        capabilities: ["launch-ehr", "launch-standalone", "client-confidential-symmetric", "permission-v2"],
      }),
    );
  } else if (request.url.startsWith(PREFIX)) {
    serveFhir(request, response, allows);
  } else {
    authorize(request, response);
  }
});
console.log(server.address().port);
