// Before a driver: packages come from the folder that TOOLS names, and the clock is ahead by the seconds in TEST_CLOCK.
import { readFileSync } from "node:fs";
import { isBuiltin, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const tools = pathToFileURL(`${process.env.TOOLS}/package.json`).href;
const isPackage = (specifier) => !/^(\.|\/|#|[a-z]+:)/.test(specifier) && !isBuiltin(specifier);
const isOurs = (parent) => parent?.startsWith(new URL(".", import.meta.url).href);

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier, isPackage(specifier) && isOurs(context.parentURL) ? { ...context, parentURL: tools } : context);
  },
});

const Clock = Date;
const ahead = () => Number(readFileSync(process.env.TEST_CLOCK, "utf8")) * 1000;

globalThis.Date = class extends Clock {
  constructor(...given) {
    super(...(given.length ? given : [Clock.now() + ahead()]));
  }

  static now() {
    return Clock.now() + ahead();
  }
};
