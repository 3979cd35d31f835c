// openid-client: a configuration that is discovered and registered in one step.
import * as oauth from "openid-client";

import { REQUEST, challenged, outcomeOf, usable } from "./mcp.mjs";
import { REDIRECT, RESOURCE, consent, play } from "./story.mjs";

let configuration, tokens;

async function connect() {
  const found = await (await fetch(await challenged(RESOURCE))).json();
  const wanted = { client_name: "openid-client", redirect_uris: [REDIRECT], token_endpoint_auth_method: "none" };
  configuration = await oauth.dynamicClientRegistration(new URL(found.authorization_servers[0]), wanted, oauth.None(), {
    algorithm: "oauth2",
    execute: [oauth.allowInsecureRequests],
  });
  tokens = await granted(found.scopes_supported.join(" "));
}

async function granted(scope) {
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
  const expectedState = oauth.randomState();
  const url = oauth.buildAuthorizationUrl(configuration, {
    redirect_uri: REDIRECT,
    scope,
    state: expectedState,
    resource: RESOURCE,
    code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const checks = { pkceCodeVerifier, expectedState };
  return await oauth.authorizationCodeGrant(configuration, await consent(url), checks, { resource: RESOURCE });
}

async function asked() {
  const headers = new Headers(REQUEST.headers);
  const url = new URL(RESOURCE);
  return await oauth.fetchProtectedResource(configuration, tokens.access_token, url, "POST", REQUEST.body, headers);
}

async function call() {
  const first = await usable(asked);
  if (first) return await outcomeOf(first);
  tokens = await oauth.refreshTokenGrant(configuration, tokens.refresh_token, { resource: RESOURCE });
  return await outcomeOf(await asked());
}

await play({
  connect,
  call,
  tokens: async () => ({ ...tokens, client_id: configuration.clientMetadata().client_id }),
  revoke: () => oauth.tokenRevocation(configuration, tokens.refresh_token),
});
