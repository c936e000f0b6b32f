/** What to start and what to undo because of the feed. */
import { StaleError } from "./errors.js";
import type { Feed } from "./feed.js";
import type { LeadScore, Manifest, SignalRow, SignalType, SourceStatus } from "./generated.js";
import { type Dealt, type State, stands } from "./state.js";

const ATTEMPTS = 5;

/** Something to do: start a workflow on a signal, or undo the one it started. */
export interface Task {
  kind: "start" | "undo";
  row: SignalRow;
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
 */
export async function* tasks(
  feed: Feed,
  state: State,
  rule: Rule = { accept: ["confirmed"], selling: true },
  now: Date = new Date(),
): AsyncGenerator<Task> {
  const judge = await Judge.of(feed, await catchUp(feed, state), rule, now);
  const silent: Dealt[] = [];
  for (const { kind, row, started } of state.changes()) {
    const over = kind === "withdrawn" || kind === "erased";
    // An event that another signal now tells did happen: what it led to may stand.
    if (over && started && row.reason !== "identity_merge") {
      yield { kind: "undo", row };
      state.done([{ row, started: false }]);
    } else if (over || started || !judge.ever(row)) {
      silent.push({ row, started: started && !over });
    } else if (judge.now(row)) {
      yield { kind: "start", row };
      state.done([{ row, started: true }]);
    }
  }
  state.done(silent);
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
      // The same event was told before, by another source.
      !(row.op === "ASSERT" && row.reason === "identity_merge") &&
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
