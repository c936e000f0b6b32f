/** What to start and what to undo because of the feed. */
import { StaleError } from "./errors.js";
import type { Feed } from "./feed.js";
import type { LeadScore, Manifest, SignalRow, SignalType, SourceStatus } from "./generated.js";
import { type Change, type Dealt, type State, stands } from "./state.js";

const ATTEMPTS = 5;
/** A second source tells the event of a signal: another one stands for both. */
const MERGED = "identity_merge";

/** Something to do: start a workflow on a signal, or undo the one it started. */
export interface Task {
  kind: "start" | "undo";
  /** The row because of which. */
  row: SignalRow;
  /**
   * The signal under whose name the workflow was or is to be started; not that of `row` where
   * another signal took over (`identity_merge`).
   */
  signalid: string;
}

/** Whom a workflow is for. */
export interface Rule {
  /** Verdicts on the match that are good enough. */
  accept: string[];
  /** The purpose is a seller's contact: opportunities only, and no suppressed lead. */
  selling: boolean;
}

/** Brings `state` to what the feed says; returns the publication it then agrees with. */
export async function catchUp(feed: Feed, state: State): Promise<Manifest> {
  for (let left = ATTEMPTS; ; left -= 1) {
    const said = await feed.manifest();
    try {
      for await (const batch of feed.read(state.cursor, said)) state.apply(batch);
      return said;
    } catch (error) {
      if (left === 1 || !(error instanceof StaleError)) throw error;
    }
  }
}

/**
 * Reads the news and yields what to do, each task once. A task counts as done when the next one is
 * asked for: a process that dies before gets it again, so let the work be idempotent by signalid.
 * After an `identity_merge` the work goes on: it belongs to the signal that tells the event now, and
 * is undone when that one is withdrawn. Where nothing was begun, that one is as any other.
 */
export async function* tasks(
  feed: Feed,
  state: State,
  rule: Rule = { accept: ["confirmed"], selling: true },
  now: Date = new Date(),
): AsyncGenerator<Task> {
  const judge = await Judge.of(feed, await catchUp(feed, state), rule, now);
  const changes = state.changes();
  // First of all: a signal that takes over may come before the one that it replaces.
  state.done(changes.filter(goesOn));
  const waiting = state.handedOn();
  const silent: Dealt[] = [];
  for (const change of changes) {
    if (goesOn(change)) continue;
    const { kind, row, begun } = change;
    const over = kind === "withdrawn" || kind === "erased";
    const former = over || begun !== null ? undefined : formerOf(row, waiting);
    if (over && begun !== null) {
      yield { kind: "undo", row, signalid: begun };
      state.done([{ row, begun: null }]);
    } else if (former !== undefined) {
      waiting.splice(waiting.indexOf(former), 1);
      state.done([
        { row, begun: former.begun },
        { row: former.row, begun: null },
      ]);
    } else if (over || begun !== null || !judge.ever(row)) {
      silent.push({ row, begun: over ? null : begun });
    } else if (judge.now(row)) {
      yield { kind: "start", row, signalid: row.signalid };
      state.done([{ row, begun: row.signalid }]);
    }
  }
  state.done(silent);
}

/** Whether work that was begun goes on although its signal was withdrawn. */
function goesOn({ kind, row, begun }: Change): boolean {
  return kind === "withdrawn" && row.reason === MERGED && begun !== null;
}

/**
 * The signal from which the one of `row` takes over its work, if it does: it is about the same lead
 * and company and has the records of both.
 */
function formerOf(row: SignalRow, waiting: Change[]): Change | undefined {
  return waiting.find((one) => {
    const own = records(row);
    const told = own.size > 1 || row.reason === MERGED;
    const all = [...records(one.row)].every((record) => own.has(record));
    return told && pair(one.row) === pair(row) && all;
  });
}

function records(row: SignalRow): Set<string> {
  return new Set(row.evidence.map((one) => JSON.stringify([one.dataset_id, one.record_key])));
}

/** Tells what may be acted upon: see the rules in docs/feed.md. */
class Judge {
  private constructor(
    private readonly rule: Rule,
    private readonly instant: Date,
    private readonly gaps: Set<string>,
    private readonly sold: Set<string>,
    private readonly silent: Set<string>,
  ) {}

  static async of(feed: Feed, said: Manifest, rule: Rule, instant: Date): Promise<Judge> {
    const status = await feed.table<SourceStatus>("source_status", said);
    const types = await feed.table<SignalType>("signal_types", said);
    const scores = await feed.table<LeadScore>("lead_scores", said);
    return new Judge(
      rule,
      instant,
      new Set(status.flatMap((one) => (one.state === "GAP" ? [one.dataset] : []))),
      new Set(types.flatMap((one) => (one.polarity === "opportunity" ? [one.type] : []))),
      new Set(scores.flatMap((one) => (one.suppressed_by === null ? [] : [pair(one)]))),
    );
  }

  /** Whether the row is for this workflow, be it later. */
  ever(row: SignalRow): boolean {
    const verdict = row.match_status;
    return (
      stands(row) &&
      !row.is_baseline &&
      !row.is_mass_operation &&
      row.prospecting_allowed &&
      (verdict === null || this.rule.accept.includes(verdict)) &&
      !(this.rule.selling && !this.sold.has(row.type)) &&
      Date.parse(row.expirytime) > this.instant.getTime()
    );
  }

  /** Whether no gap of a source and no other signal of the lead forbids it today. */
  now(row: SignalRow): boolean {
    const inGap = row.evidence.some((record) => this.gaps.has(record.dataset_id));
    return !inGap && !(this.rule.selling && this.silent.has(pair(row)));
  }
}

function pair({ lead_id, siren }: { lead_id: string | null; siren: string | null }): string {
  return JSON.stringify([lead_id, siren]);
}
