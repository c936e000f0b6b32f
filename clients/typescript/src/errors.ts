/** Why a reading ended; each message says what to do. None quotes the values of a row. */

/** A reading that did not take place; what is kept is as it was, or a whole segment further. */
export class ReaderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}
/** The place of the feed does not answer; try again later. */
export class FetchError extends ReaderError {}
/** A file is not there. */
export class MissingError extends ReaderError {}
/** A file is missing or is not the one described: a publication came in between. */
export class StaleError extends ReaderError {}
/** The feed says something that this reader does not know; a person must look. */
export class StopError extends ReaderError {}
