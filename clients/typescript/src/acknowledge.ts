/**
 * Telling the pipeline what became of signals, and how far a stream was read: files written whole,
 * under names that never get other bytes. For another place than a folder, put such a file where
 * the pipeline looks, under the name it has here.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ReaderError } from "./errors.js";
import type { ConsumerOffset, Feedback } from "./generated.js";
import type { State } from "./state.js";

/** What became of a signal; `at` is the instant of `acknowledge` by default, the latest holds. */
export interface Said {
  signalid: string;
  status: Feedback["status"];
  reason?: Feedback["reason"];
  at?: Date;
}

type Reason = NonNullable<Feedback["reason"]> | null;

/** Status → the reasons that may go with it; null where none need be given. */
export const REASONS: Record<Feedback["status"], Reason[]> = {
  handled: [null],
  ignored: [null, "not_relevant", "already_known", "bad_time"],
  wrong: ["wrong_company", "wrong_event", "outdated", "duplicate"],
};

/**
 * Writes what became of signals of the stream of `state`; returns the new file.
 * @param folder the account's folder where the pipeline looks, e.g. `feedback/accounts/acme`.
 */
export function acknowledge(folder: string, state: State, said: Said[], now = new Date()): string {
  const source = sourceOf(state);
  const rows = said.map(({ signalid, status, reason = null, at = now }): Feedback => {
    if (!REASONS[status]?.includes(reason)) {
      throw new ReaderError(`${status} is not said with the reason ${reason}`);
    }
    return { source, signal_id: signalid, status, reason, at: at.toISOString() };
  });
  return written(folder, "feedback", now, rows);
}

/**
 * Writes how far `consumer` has read, so that what it lacks is not dropped so soon.
 * @param consumer name of the program: lower case letters, digits, `.`, `_`, `-`.
 */
export function reportCursor(
  folder: string,
  state: State,
  consumer: string,
  now = new Date(),
): string {
  const row: ConsumerOffset = {
    source: sourceOf(state),
    consumer,
    sequence: state.cursor,
    at: now.toISOString(),
  };
  return written(folder, "consumer_offsets", now, [row]);
}

function sourceOf(state: State): string {
  if (state.source === null) throw new ReaderError("nothing was read of the stream yet: read it");
  return state.source;
}

function written(folder: string, kind: string, at: Date, rows: object[]): string {
  if (rows.length === 0) throw new ReaderError("nothing is said");
  const body = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const digest = createHash("sha256").update(body).digest("hex").slice(0, 12);
  const instant = at.toISOString().replace(/[-:]|\.\d+/g, "");
  const name = `${kind}-${instant}-${digest}.jsonl`;
  mkdirSync(folder, { recursive: true });
  const temporary = join(folder, `.${name}.part`);
  const descriptor = openSync(temporary, "w");
  writeFileSync(descriptor, body);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(temporary, join(folder, name));
  return join(folder, name);
}
