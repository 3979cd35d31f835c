// Judges pages for infra/browser/audit.py: one task as JSON on standard input, what was found as JSON on standard output.

import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const task = JSON.parse(await text(process.stdin));
const require = createRequire(`${task.tools}/package.json`);

const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"];

async function inBrowser(visit, atOnce) {
  const puppeteer = require("puppeteer-core").default;
  // Through a pipe rather than a port: when this process ends, however it does, the browser does too.
  const browser = await puppeteer.launch({
    executablePath: task.chromium,
    args: task.arguments,
    userDataDir: task.profile,
    pipe: true,
  });
  try {
    if (task.cookies.length > 0) await browser.setCookie(...task.cookies);
    const found = {};
    const left = [...task.urls];
    const visitor = async () => {
      for (let url = left.shift(); url !== undefined; url = left.shift()) {
        const page = await browser.newPage();
        found[url] = await visit(page, url, browser);
        await page.close();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, visitor));
    return found;
  } finally {
    await browser.close();
  }
}

async function lighthouse(page, url) {
  const run = require("lighthouse").default;
  const flags = {
    onlyCategories: CATEGORIES,
    logLevel: "silent",
    disableStorageReset: true, // the cookies must stay
    disableFullPageScreenshot: true,
  };
  const { lhr } = await run(url, flags, undefined, page);
  if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  const failing = (category) =>
    category.auditRefs
      .map(({ id, weight }) => ({ ...lhr.audits[id], weight }))
      .filter(({ weight, score }) => weight > 0 && score !== null && score < 1)
      .map(({ id, title, displayValue }) => [id, title, displayValue].filter(Boolean).join(": "));
  const judged = Object.values(lhr.categories).map((category) => [
    category.id,
    { score: Math.round(category.score * 100), failing: failing(category) },
  ]);
  return { address: lhr.finalDisplayedUrl, categories: Object.fromEntries(judged) };
}

async function pa11y(page, url, browser) {
  const run = require("pa11y");
  const options = { browser, page, standard: "WCAG2AA", runners: ["axe", "htmlcs"] };
  const { issues, pageUrl } = await run(url, options);
  return { address: pageUrl, issues: issues.map(({ code, message, selector }) => `${selector}: ${message} (${code})`) };
}

async function html() {
  const { HtmlValidate, StaticConfigLoader } = require("html-validate");
  const rules = {
    extends: ["html-validate:standard", "html-validate:a11y"],
    rules: { "no-implicit-button-type": "off" }, // a button that sends its form is what the standard makes of it
  };
  const validator = new HtmlValidate(new StaticConfigLoader(rules));
  const found = {};
  for (const [name, source] of Object.entries(task.documents)) {
    const { results } = await validator.validateString(source);
    found[name] = results.flatMap(({ messages }) =>
      messages.map(({ line, column, ruleId, message }) => `${line}:${column}: ${message} (${ruleId})`),
    );
  }
  return found;
}

const TASKS = {
  html,
  lighthouse: () => inBrowser(lighthouse, 1), // it measures time: one page must not take that of another
  pa11y: () => inBrowser(pa11y, 6), // it mostly waits for a page to be quiet
};

process.stdout.write(JSON.stringify(await TASKS[task.name]()));
