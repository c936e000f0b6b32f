/** What a manifest says, checked before it is followed. */
import { StopError } from "./errors.js";
import type { Manifest } from "./generated.js";

export const NAME = "manifest.json";
export const NOTHING_READ = "0".repeat(20);
/** First numbers of `feed_version` and `schema_version` that this reader knows. */
const MAJOR = "1";
const SEQUENCE = /^[0-9]{20}$/;

/** Returns what the bytes say; throws StopError if they cannot be followed. */
export function parse(body: Uint8Array): Manifest {
  let said: Manifest;
  try {
    said = JSON.parse(new TextDecoder().decode(body)) as Manifest;
    for (const version of ["feed_version", "schema_version"] as const) {
      if (said[version].split(".")[0] !== MAJOR) {
        throw new StopError(`${version} is ${said[version]}: read what changed, then update`);
      }
    }
    if (said.encryption) {
      throw new StopError("the stream is encrypted: open it with `company-signals unseal` first");
    }
    check(said);
  } catch (error) {
    if (error instanceof StopError) throw error;
    throw new StopError("the manifest cannot be read");
  }
  return said;
}

/** The sequence after `text`; sequences have 20 digits, more than a number holds. */
function next(text: string): bigint {
  return BigInt(text) + 1n;
}

/** Whether a cursor needs the snapshot: before the oldest segment, or beyond the last row. */
export function needsSnapshot(said: Manifest, cursor: string): boolean {
  return next(cursor) < BigInt(said.min_sequence) || cursor > said.max_sequence;
}

function check(said: Manifest): void {
  const files = [...said.segments, ...said.resources, said.snapshot];
  for (const { path } of files) {
    if (path.startsWith("/") || path.split("/").includes("..") || /[\\:]/.test(path)) {
      throw new StopError("a path of the manifest leads outside its folder");
    }
  }
  const sequences = [said.min_sequence, said.max_sequence, said.snapshot.as_of_sequence];
  sequences.push(...said.segments.flatMap((one) => [one.first_sequence, one.last_sequence]));
  if (!sequences.every((one) => SEQUENCE.test(one))) throw new StopError("not a sequence");
  let expected = BigInt(said.min_sequence);
  for (const one of said.segments) {
    if (BigInt(one.first_sequence) !== expected || one.last_sequence < one.first_sequence) {
      throw new StopError("the segments of the manifest have a hole; report it to the publisher");
    }
    expected = next(one.last_sequence);
  }
  if (said.segments.length > 0 && next(said.max_sequence) !== expected) {
    throw new StopError("the segments end elsewhere than the manifest says; report it");
  }
}
