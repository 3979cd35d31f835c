// A tool's call as a program makes it that knows OAuth from a library and MCP from its own few lines.
import { TOOL, outcome } from "./story.mjs";

export const REQUEST = {
  method: "POST",
  headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream" },
  body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: TOOL }),
};

export async function outcomeOf(response) {
  const text = await response.text();
  return response.ok ? outcome(JSON.parse(text).result ?? {}) : `${response.status} ${text}`;
}

// The answer, or nothing if it says that the token does not work: an error of the library where it sees a challenge.
export async function usable(ask) {
  try {
    const response = await ask();
    return response.status === 401 ? undefined : response;
  } catch (error) {
    if (error.cause?.[0]?.parameters?.error !== "invalid_token") throw error;
  }
}

// Where the metadata is: as the challenge says, or beside the resource, where gateways rename the challenge's header
// (RFC 9728, sections 5.1 and 3.1).
export async function challenged(resource) {
  const refused = await fetch(resource, REQUEST);
  if (refused.status !== 401) throw new Error(`${refused.status} without credentials`);
  const challenge = refused.headers.get("WWW-Authenticate") ?? "";
  const { origin, pathname } = new URL(resource);
  const [, named] = /\bresource_metadata="([^"]+)"/.exec(challenge) ?? [];
  return new URL(named ?? `${origin}/.well-known/oauth-protected-resource${pathname}`);
}
