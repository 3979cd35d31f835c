// MCPJam's own judgement of a server's OAuth, as one act of the story: each of its steps must pass.
import { OAuthConformanceTest } from "@mcpjam/sdk";

import { REDIRECT, RESOURCE, consent, play } from "./story.mjs";

async function completeHeadlessAuthorization({ authorizationUrl, expectedState }) {
  const { searchParams } = await consent(authorizationUrl);
  if (searchParams.get("state") !== expectedState) throw new Error("the state is not ours");
  return { code: searchParams.get("code"), iss: searchParams.get("iss") };
}

async function connect() {
  const test = new OAuthConformanceTest(
    {
      serverUrl: RESOURCE,
      protocolVersion: process.env.ERA,
      registrationStrategy: "dcr",
      auth: { mode: "headless" },
      redirectUrl: REDIRECT,
      oauthConformanceChecks: true,
      verification: { listTools: true, callTool: { name: "project_overview", params: {} } },
    },
    { completeHeadlessAuthorization },
  );
  const { passed, summary, steps } = await test.run();
  const failed = steps.filter(({ status }) => status === "failed").map(({ step, error }) => [step, error]);
  if (!passed || failed.length) throw new Error(`${summary} ${JSON.stringify(failed)}`);
}

await play({ connect });
