/** Reading a stream from a cursor, segment by segment, every hash compared. */
import { createHash } from "node:crypto";
import { MissingError, StaleError, StopError } from "./errors.js";
import { type Fetch, fetcher } from "./fetch.js";
import type { Manifest, SignalRow, Tombstone } from "./generated.js";
import { NAME, NOTHING_READ, needsSnapshot, parse } from "./manifest.js";
import { rows } from "./rows.js";

const OPS = new Set<string>(["ASSERT", "AMEND", "RETRACT", "ERASE"]);

/** Rows to apply in one step, and the cursor that then holds. */
export interface Batch {
  /** By sequence. */
  rows: SignalRow[];
  cursor: string;
  manifest: Manifest;
  /** The rows are all that stands; what is not among them is over. */
  restart: boolean;
  /** With `restart`: what was withdrawn or erased, by signalid. */
  ended: Map<string, Tombstone>;
}

/** A stream at a place. */
export class Feed {
  constructor(readonly fetch: Fetch) {}

  /** The stream under `base`: a folder or an address. */
  static at(base: string, headers?: Record<string, string>): Feed {
    return new Feed(fetcher(base, headers));
  }

  /** The publication in place. */
  async manifest(): Promise<Manifest> {
    return parse(await this.fetch(NAME));
  }

  /**
   * What comes after `cursor`, a segment at a time. Throws StaleError if a publication came in
   * between (read again from the last batch's cursor), StopError at what it does not know.
   */
  async *read(cursor = NOTHING_READ, manifest?: Manifest): AsyncGenerator<Batch> {
    const said = manifest ?? (await this.manifest());
    if (needsSnapshot(said, cursor)) {
      const standing = await this.known(said.snapshot);
      const stones = await this.table<Tombstone>("tombstones", said);
      cursor = said.snapshot.as_of_sequence;
      const ended = new Map(stones.map((stone) => [stone.signalid, stone]));
      yield { rows: standing, cursor, manifest: said, restart: true, ended };
    }
    for (const segment of said.segments) {
      if (segment.last_sequence <= cursor) continue;
      const found = await this.known(segment);
      checkSequence(segment, found);
      const after = cursor;
      cursor = segment.last_sequence;
      const fresh = found.filter((row) => row.sequence > after);
      yield { rows: fresh, cursor, manifest: said, restart: false, ended: new Map() };
    }
  }

  /** The rows of a table beside the log, e.g. `source_status`; none if it is not there. */
  async table<T>(name: string, manifest?: Manifest): Promise<T[]> {
    const said = manifest ?? (await this.manifest());
    const file = said.resources.find((one) => one.name === name && one.format === "parquet");
    return file === undefined ? [] : rows<T>(await this.body(file));
  }

  private async known(file: { path: string; hash: string }): Promise<SignalRow[]> {
    const found = await rows<SignalRow>(await this.body(file));
    const unknown = found.find((row) => !OPS.has(row.op));
    if (unknown) throw new StopError(`unknown op ${unknown.op}: read what changed, then update`);
    return found;
  }

  private async body({ path, hash }: { path: string; hash: string }): Promise<Uint8Array> {
    let body: Uint8Array;
    try {
      body = await this.fetch(path);
    } catch (error) {
      if (!(error instanceof MissingError)) throw error;
      throw new StaleError(`${path} is gone: read the manifest again`);
    }
    if (`sha256:${createHash("sha256").update(body).digest("hex")}` !== hash) {
      throw new StaleError(`${path} is not the one described: read the manifest again`);
    }
    return body;
  }
}

function checkSequence(
  segment: { path: string; first_sequence: string; last_sequence: string },
  found: SignalRow[],
): void {
  const first = BigInt(segment.first_sequence);
  const whole = BigInt(found.length) === BigInt(segment.last_sequence) - first + 1n;
  if (!whole || !found.every((row, place) => BigInt(row.sequence) === first + BigInt(place))) {
    throw new StopError(`${segment.path} has not the rows that its name says; report it`);
  }
}
