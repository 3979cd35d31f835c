// One client's part of the story: it reads what to do, a line of JSON each, and answers with what came of it.
//
//     {"do": "connect"}             {"did": true}
//     {"do": "call", "times": 8}    {"outcomes": ["ok", …]}        all at once
//     {"do": "tokens"}              {"access_token": …, "refresh_token": …, "client_id": …}
//     {"do": "revoke"}              {"did": true}
//                                   {"failed": "what the client says"}
//
// Where it needs somebody's consent it asks in between: {"consent": URL}, answered by {"callback": URL or null}.
import { createInterface } from "node:readline";

export const RESOURCE = process.env.RESOURCE;
export const REDIRECT = "http://127.0.0.1:33418/callback";
export const TOOL = { name: "project_overview", arguments: {} };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

// Where the browser came back to. Throws if nobody consented.
export async function consent(url) {
  say({ consent: String(url) });
  const { value } = await lines.next();
  const { callback } = JSON.parse(value);
  if (!callback) throw new Error("nobody consented");
  const answer = new URL(callback);
  const error = answer.searchParams.get("error");
  if (error) throw new Error(error);
  return answer;
}

export async function play({ connect, call, tokens, revoke, leave }) {
  const acts = {
    async connect() {
      await connect();
      return { did: true };
    },
    async call({ times }) {
      const calls = await Promise.allSettled(Array.from({ length: times }, () => call()));
      return { outcomes: calls.map(({ reason, value }) => (reason ? String(reason) : value)) };
    },
    async revoke() {
      await revoke();
      return { did: true };
    },
    tokens,
  };
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const task = JSON.parse(line.value);
    try {
      say(await acts[task.do](task));
    } catch (error) {
      say({ failed: `${error?.stack ?? error} ${error?.cause ?? ""}` });
    }
  }
  await leave?.();
  process.exit();
}

// What an answer to the tool's call was, in one word.
export const outcome = (result) => (result.isError || !result.content?.length ? JSON.stringify(result) : "ok");
