// An OpenID provider for tests: oidc-provider on loopback. Whoever logs in is NAME@clinic.example, and
// `safety` belongs to a group. Prints its port once it listens; REDIRECT_URI is our way back.

import { createServer } from "node:http";
import Provider from "oidc-provider";

// Its warnings are about running it in earnest; the port alone goes to whoever started this.
console.info = console.warn = console.error;

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(origin, {
  claims: { email: ["email", "email_verified"], groups: ["groups"], openid: ["sub"] },
  clients: [
    {
      client_id: "insight",
      client_secret: "a-secret-of-this-test",
      redirect_uris: [process.env.REDIRECT_URI],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  cookies: { keys: ["of this test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      email: `${id}@clinic.example`,
      email_verified: true,
      groups: id === "safety" ? ["cds-safety"] : [],
    }),
  }),
  pkce: { required: () => true },
  scopes: ["openid", "email", "groups"],
});
server.on("request", provider.callback());
console.log(server.address().port);
