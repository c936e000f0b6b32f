/**
 * What a consumer keeps: the last row of each signal, its cursor, what it has done.
 *
 * One JSON file, replaced in one step with each segment, and a journal of what was dealt with since;
 * one process at a time. It suits the stream of an account; for millions of signals give the rows a
 * database, in which rows and cursor change in one transaction.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StopError } from "./errors.js";
import type { Batch } from "./feed.js";
import type { SignalRow } from "./generated.js";
import { NOTHING_READ } from "./manifest.js";

export type Kind = "new" | "changed" | "withdrawn" | "erased";
type Op = SignalRow["op"];

/** A signal that is not as it was when it was last dealt with. */
export interface Change {
  /** `new` also for one that was withdrawn and stands again. */
  kind: Kind;
  /** What holds now; an erased one has no values left. */
  row: SignalRow;
  /**
   * signalid under which work was begun because of this signal, and not undone; another one where
   * this signal took over from it (`identity_merge`).
   */
  begun: string | null;
}

/** A row that was dealt with, and under whose name work is under way because of it. */
export interface Dealt {
  row: SignalRow;
  begun: string | null;
}

interface Held {
  row: SignalRow;
  told: string | null;
  toldOp: Op | null;
  begun: string | null;
}
interface Mark {
  signalid: string;
  id: string;
  op: Op;
  begun: string | null;
}
interface Said {
  source: string | null;
  cursor: string;
  seen: string[];
  held: Held[];
}

/** Whether a row says that its signal holds. */
export function stands(row: SignalRow): boolean {
  return row.op === "ASSERT" || row.op === "AMEND";
}

export class State {
  private stream: string | null = null;
  private last = NOTHING_READ;
  private seen = new Set<string>();
  private held = new Map<string, Held>();
  private readonly file: string;
  private readonly journal: string;

  /** @param folder made if it is not there; of one stream alone. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, "state.json");
    this.journal = join(folder, "done.jsonl");
    if (existsSync(this.file)) {
      const said = JSON.parse(readFileSync(this.file, "utf8")) as Said;
      this.stream = said.source;
      this.last = said.cursor;
      this.seen = new Set(said.seen);
      this.held = new Map(said.held.map((one) => [one.row.signalid, one]));
    }
    if (existsSync(this.journal)) {
      const lines = readFileSync(this.journal, "utf8").split("\n");
      // Without its line end the last mark was cut short: it does not count.
      for (const line of lines.slice(0, -1)) this.mark(JSON.parse(line) as Mark);
    }
  }

  /** URI of the stream; null before anything was read. */
  get source(): string | null {
    return this.stream;
  }

  /** Last sequence applied. */
  get cursor(): string {
    return this.last;
  }

  /** Keeps what a batch says, and its cursor, in one step. */
  apply(batch: Batch): void {
    if (this.stream !== null && this.stream !== batch.manifest.source) {
      throw new StopError("this state is of another stream: give each stream a folder of its own");
    }
    this.stream = batch.manifest.source;
    if (batch.restart) this.endAllBut(batch);
    for (const row of batch.rows) {
      // A row that comes again, even after a later one of its signal, says nothing.
      if (this.seen.has(row.id)) continue;
      this.seen.add(row.id);
      this.keep(row);
    }
    this.last = batch.cursor;
    this.save();
  }

  /** What is neither withdrawn nor erased, by sequence; it may have expired. */
  standing(): SignalRow[] {
    return this.ordered().flatMap(({ row }) => (stands(row) ? [row] : []));
  }

  /** What is to be dealt with, by sequence; `done` takes it off. */
  changes(): Change[] {
    return this.ordered().flatMap(({ row, told, toldOp, begun }) => {
      const kind = told === row.id ? null : kindOf(row, toldOp);
      return kind === null ? [] : [{ kind, row, begun }];
    });
  }

  /** What was withdrawn while its work goes on: another signal tells the event. */
  handedOn(): Change[] {
    return this.ordered().flatMap(({ row, told, begun }) => {
      const waits = row.op === "RETRACT" && told === row.id && begun !== null;
      return waits ? [{ kind: "withdrawn" as const, row, begun }] : [];
    });
  }

  /** Notes that rows were dealt with. */
  done(dealt: Dealt[]): void {
    const marks = dealt.map(({ row, begun }) => {
      return { signalid: row.signalid, id: row.id, op: row.op, begun };
    });
    marks.forEach((mark) => this.mark(mark));
    if (marks.length === 0) return;
    appendFileSync(this.journal, marks.map((mark) => `${JSON.stringify(mark)}\n`).join(""));
  }

  private mark({ signalid, id, op, begun }: Mark): void {
    const held = this.held.get(signalid);
    if (held) Object.assign(held, { told: id, toldOp: op, begun });
  }

  private keep(row: SignalRow): void {
    const before = this.held.get(row.signalid);
    this.held.set(row.signalid, { ...(before ?? { told: null, toldOp: null, begun: null }), row });
  }

  private ordered(): Held[] {
    return [...this.held.values()].sort((a, b) => (a.row.sequence < b.row.sequence ? -1 : 1));
  }

  /** Ends what the snapshot no longer holds, as its tombstones say. */
  private endAllBut(batch: Batch): void {
    this.seen = new Set();
    const standing = new Set(batch.rows.map((row) => row.signalid));
    const created = Date.parse(batch.manifest.created);
    for (const { row } of [...this.held.values()]) {
      if (standing.has(row.signalid)) continue;
      const stone = batch.ended.get(row.signalid);
      if (stone) {
        this.end(row, stone.op, stone.sequence, stone.reason);
      } else if (stands(row) && Date.parse(row.expirytime) > created) {
        // Neither standing, nor expired, nor ended: it belongs to a stream begun anew.
        this.end(row, "RETRACT", batch.cursor, null);
      }
    }
  }

  private end(row: SignalRow, op: Op, sequence: string, reason: SignalRow["reason"]): void {
    if (row.op === op) return;
    const { signalid, type } = row;
    const values = op === "ERASE" ? ({ signalid, type } as SignalRow) : row;
    this.keep({ ...values, id: `${signalid}:${sequence}`, op, sequence, reason });
  }

  private save(): void {
    const said: Said = {
      source: this.stream,
      cursor: this.last,
      seen: [...this.seen],
      held: [...this.held.values()],
    };
    const temporary = `${this.file}.new`;
    const descriptor = openSync(temporary, "w", 0o600);
    writeFileSync(descriptor, JSON.stringify(said));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(temporary, this.file);
    // Its marks are in the new file; read once more after a crash here, they change nothing.
    rmSync(this.journal, { force: true });
  }
}

function kindOf(row: SignalRow, toldOp: Op | null): Kind | null {
  const toldStands = toldOp === "ASSERT" || toldOp === "AMEND";
  if (stands(row)) return toldStands ? "changed" : "new";
  if (toldOp === null || toldOp === row.op) return null;
  return row.op === "ERASE" ? "erased" : "withdrawn";
}
