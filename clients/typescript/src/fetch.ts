/**
 * Getting the bytes of a file of the feed: a folder, or HTTPS. For another place (an object store,
 * say) give a function of your own: a path relative to the manifest comes in, bytes go out.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FetchError, MissingError, ReaderError } from "./errors.js";

/** Gives the bytes of a file; throws MissingError if there is none, FetchError without answer. */
export type Fetch = (path: string) => Promise<Uint8Array>;

const MILLISECONDS = 60_000;

/** Returns how to get files under `base`; plain http only on loopback. */
export function fetcher(base: string, headers: Record<string, string> = {}): Fetch {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(base)?.[1]?.toLowerCase();
  if (scheme === undefined) return (path) => fromFolder(base, path);
  const loopback = /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)/i.test(base);
  if (scheme === "https" || loopback) return (path) => fromWeb(base, path, headers);
  throw new ReaderError(`${scheme}: is no place of a feed; give a folder, https:// or a function`);
}

async function fromFolder(folder: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw new MissingError(`${path} is not there`);
    throw new FetchError(`${path} cannot be read: ${code}`);
  }
}

async function fromWeb(
  base: string,
  path: string,
  headers: Record<string, string>,
): Promise<Uint8Array> {
  const address = `${base.replace(/\/+$/, "")}/${path.split("/").map(encodeURIComponent).join("/")}`;
  let answer: Response;
  try {
    answer = await fetch(address, { headers, signal: AbortSignal.timeout(MILLISECONDS) });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw new FetchError(`${path}: no answer`);
  }
  if (answer.status === 404 || answer.status === 410) throw new MissingError(`${path} is not there`);
  throw new FetchError(`${path}: the server answers ${answer.status}`);
}
