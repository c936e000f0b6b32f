/**
 * A consumer of the feed: reads, checks, keeps, says what to do.
 *
 *     for await (const task of tasks(Feed.at("https://…/accounts/acme"), new State("state"))) …
 */
export { type Said, acknowledge, reportCursor } from "./acknowledge.js";
export { FetchError, MissingError, ReaderError, StaleError, StopError } from "./errors.js";
export { type Batch, Feed } from "./feed.js";
export { type Fetch, fetcher } from "./fetch.js";
export type * from "./generated.js";
export { type Change, type Dealt, State } from "./state.js";
export { type Rule, type Task, catchUp, tasks } from "./work.js";
