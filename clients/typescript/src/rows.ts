/** Rows of a Parquet file as plain values: instants and days are ISO text, so that a row is JSON. */
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { StopError } from "./errors.js";

const DAY = 86_400_000;
const parsers = {
  timestampFromMilliseconds: (millis: bigint) => instant(millis * 1000n),
  timestampFromMicroseconds: instant,
  timestampFromNanoseconds: (nanos: bigint) => instant(nanos / 1000n),
  dateFromDays: (days: number) => new Date(days * DAY).toISOString().slice(0, 10),
};

/** Returns the rows of a Parquet file, in its order; throws StopError if it is none. */
export async function rows<T>(body: Uint8Array): Promise<T[]> {
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer;
  try {
    const found = await parquetReadObjects({ file, compressors, parsers });
    return found.map((row) => plain(row) as T);
  } catch (error) {
    throw new StopError(`a file is no readable Parquet (${(error as Error).name})`);
  }
}

function instant(micros: bigint): string {
  const text = new Date(Number(micros / 1000n)).toISOString().slice(0, 19);
  const rest = micros % 1_000_000n;
  return rest === 0n ? `${text}Z` : `${text}.${String(rest).padStart(6, "0")}Z`;
}

function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}
