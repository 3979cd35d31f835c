// What a host of the official TypeScript SDKs brings: a place for what the SDK wants kept, here in memory.
import { REDIRECT, consent } from "./story.mjs";

export class Memory {
  redirectUrl = REDIRECT;
  clientMetadata = {
    client_name: "TypeScript SDK",
    redirect_uris: [REDIRECT],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  #client;
  #tokens;
  #verifier;
  #state;
  #url;

  state() {
    return (this.#state = crypto.randomUUID());
  }
  clientInformation() {
    return this.#client;
  }
  saveClientInformation(client) {
    this.#client = client;
  }
  tokens() {
    return this.#tokens;
  }
  saveTokens(tokens) {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier) {
    this.#verifier = verifier;
  }
  codeVerifier() {
    return this.#verifier;
  }
  redirectToAuthorization(url) {
    this.#url = url;
  }
  invalidateCredentials(scope) {
    if (scope === "all" || scope === "client") this.#client = undefined;
    if (scope === "all" || scope === "tokens") this.#tokens = undefined;
  }

  // Somebody's answer to the request that the SDK prepared, as the parameters of the callback.
  async consented() {
    const { searchParams } = await consent(this.#url);
    if (searchParams.get("state") !== this.#state) throw new Error("the state is not ours");
    return searchParams;
  }

  async known() {
    const { access_token, refresh_token } = this.#tokens ?? {};
    return { access_token, refresh_token, client_id: this.#client?.client_id };
  }
}
