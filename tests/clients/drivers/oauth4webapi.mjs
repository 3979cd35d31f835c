// oauth4webapi: every step by its own function, each as strict as its RFC.
import * as oauth from "oauth4webapi";

import { REQUEST, challenged, outcomeOf, usable } from "./mcp.mjs";
import { REDIRECT, RESOURCE, consent, play } from "./story.mjs";

const http = { [oauth.allowInsecureRequests]: true };
const resource = new URL(RESOURCE);
const auth = oauth.None();
let server, client, tokens;

async function connect() {
  const metadata = await challenged(RESOURCE);
  const described = await oauth.resourceDiscoveryRequest(resource, http);
  if (described.url !== metadata.href) throw new Error(`${described.url} is not ${metadata}`);
  const found = await oauth.processResourceDiscoveryResponse(resource, described);
  const issuer = new URL(found.authorization_servers[0]);
  const discovered = await oauth.discoveryRequest(issuer, { ...http, algorithm: "oauth2" });
  server = await oauth.processDiscoveryResponse(issuer, discovered);
  const wanted = { client_name: "oauth4webapi", redirect_uris: [REDIRECT], token_endpoint_auth_method: "none" };
  const registered = await oauth.dynamicClientRegistrationRequest(server, wanted, http);
  client = await oauth.processDynamicClientRegistrationResponse(registered);
  tokens = await granted(found.scopes_supported.join(" "));
}

async function granted(scope) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope,
    state,
    resource: RESOURCE,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const callback = oauth.validateAuthResponse(server, client, await consent(url), state);
  const options = { ...http, additionalParameters: { resource: RESOURCE } };
  const answer = await oauth.authorizationCodeGrantRequest(server, client, auth, callback, REDIRECT, verifier, options);
  return await oauth.processAuthorizationCodeResponse(server, client, answer);
}

async function refreshed() {
  const options = { ...http, additionalParameters: { resource: RESOURCE } };
  const answer = await oauth.refreshTokenGrantRequest(server, client, auth, tokens.refresh_token, options);
  tokens = await oauth.processRefreshTokenResponse(server, client, answer);
}

async function asked() {
  const headers = new Headers(REQUEST.headers);
  return await oauth.protectedResourceRequest(tokens.access_token, "POST", resource, headers, REQUEST.body, http);
}

async function call() {
  const first = await usable(asked);
  if (first) return await outcomeOf(first);
  await refreshed();
  return await outcomeOf(await asked());
}

await play({
  connect,
  call,
  tokens: async () => ({ ...tokens, client_id: client.client_id }),
  revoke: async () =>
    oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, auth, tokens.refresh_token, http),
    ),
});
