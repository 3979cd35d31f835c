// The official TypeScript SDK, as hosts use it. ERA says which revisions it speaks: `legacy` or `auto`, the newest first.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

import { Memory } from "./memory.mjs";
import { RESOURCE, TOOL, outcome, play } from "./story.mjs";

const memory = new Memory();
let transport, client;

async function open() {
  transport = new StreamableHTTPClientTransport(new URL(RESOURCE), { authProvider: memory });
  client = new Client({ name: "strangers", version: "2" }, { versionNegotiation: { mode: process.env.ERA } });
  await client.connect(transport);
}

async function authorized(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(await memory.consented());
    return await act();
  }
}

await play({
  connect: () => authorized(open),
  call: () => authorized(async () => outcome(await client.callTool(TOOL))),
  tokens: () => memory.known(),
  leave: () => client?.close(),
});
