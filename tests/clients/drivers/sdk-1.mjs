// The first line of the official TypeScript SDK, as hosts use it.
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { Memory } from "./memory.mjs";
import { RESOURCE, TOOL, outcome, play } from "./story.mjs";

const memory = new Memory();
let transport, client;

async function open() {
  transport = new StreamableHTTPClientTransport(new URL(RESOURCE), { authProvider: memory });
  client = new Client({ name: "strangers", version: "1" });
  await client.connect(transport);
}

async function authorized(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth((await memory.consented()).get("code"));
    return await act();
  }
}

await play({
  connect: () => authorized(open),
  call: () => authorized(async () => outcome(await client.callTool(TOOL))),
  tokens: () => memory.known(),
  leave: () => client?.close(),
});
