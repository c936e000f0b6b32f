#!/usr/bin/env node
/**
 * `company-signals-reader FEED STATE [NOW]`: reads once, prints what to do and what stands, in the
 * form that the conformance suite asks of any consumer. A failure is one line and exit code 1.
 */
import { ReaderError } from "./errors.js";
import { Feed } from "./feed.js";
import { State } from "./state.js";
import { tasks } from "./work.js";

const [base, folder, at] = process.argv.slice(2);
if (base === undefined || folder === undefined) {
  process.stderr.write("give FEED STATE [NOW]\n");
  process.exit(2);
}
const now = at === undefined ? new Date() : new Date(at);
const lines: unknown[] = [];
try {
  const state = new State(folder);
  for await (const { kind, signalid } of tasks(Feed.at(base), state, undefined, now)) {
    lines.push({ kind, signalid });
  }
  for (const row of state.standing()) {
    if (Date.parse(row.expirytime) > now.getTime()) lines.push({ kind: "signal", ...row });
  }
  process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
} catch (error) {
  if (!(error instanceof ReaderError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
