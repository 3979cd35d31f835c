// mcp-remote: a program of its own between a host that only knows standard streams, which is played here, and a server.
import { spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";

import { RESOURCE, TOOL, consent, outcome, play } from "./story.mjs";

const program = `${process.env.TOOLS}/node_modules/mcp-remote/dist/proxy.js`;
const preload = ["--import", new URL("preload.mjs", import.meta.url).href];
const AUTHORIZE = /^https?:\/\/\S+[?&]code_challenge=\S+/;

const waiting = new Map();
let proxy, number = 0, complaints = "";

function start() {
  proxy = spawn(process.execPath, [...preload, program, RESOURCE, "--protocol", process.env.ERA, "--host", "127.0.0.1"]);
  proxy.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`it ended with ${code}: ${complaints}`));
    waiting.clear();
  });
  createInterface({ input: proxy.stdout }).on("line", (line) => {
    const { id, result, error } = JSON.parse(line);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error) reject?.(new Error(JSON.stringify(error)));
    else resolve?.(result);
  });
  createInterface({ input: proxy.stderr }).on("line", (line) => {
    complaints = `${complaints}\n${line}`.slice(-4000);
    console.error(line);
    if (AUTHORIZE.test(line)) browse(line);
  });
}

async function browse(url) {
  try {
    await back(await consent(url));
  } catch (error) {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }
}

// It says where to go a moment before it listens for who comes back; a person is never that fast.
async function back(callback, tries = 100) {
  try {
    await (await fetch(callback)).text();
  } catch (error) {
    if (error.cause?.code !== "ECONNREFUSED" || !tries) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await back(callback, tries - 1);
  }
}

function ask(method, params) {
  const id = ++number;
  proxy.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

async function connect() {
  start();
  const clientInfo = { name: "strangers", version: "1" };
  await ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
  proxy.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
}

async function kept(ending) {
  const folder = process.env.MCP_REMOTE_CONFIG_DIR;
  const name = (await readdir(folder, { recursive: true })).find((each) => each.endsWith(ending));
  return name ? JSON.parse(await readFile(`${folder}/${name}`, "utf8")) : {};
}

await play({
  connect,
  call: async () => outcome(await ask("tools/call", TOOL)),
  async tokens() {
    const { access_token, refresh_token } = await kept("_tokens.json");
    return { access_token, refresh_token, client_id: (await kept("_client_info.json")).client_id };
  },
  leave: () => new Promise((resolve) => (proxy?.exitCode === null ? proxy.on("exit", resolve).kill() : resolve())),
});
