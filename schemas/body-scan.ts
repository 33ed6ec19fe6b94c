// Where the parts of bodies are, so that one thread can look for them and another read them.

/** Places in the marks of a body: one number for its opening, then pairs of start and end (0 and 0: null or absent). */
export const MARK = { opening: 0, resourceId: 1, type: 3, diff: 5, data: 7, syncTimestamp: 9, state: 11 };
export const MARKS = 13;

/** Places in the marks of an opening, pairs as above. */
export const OPENING_MARK = { workspaceId: 0, customerId: 2, state: 4, id: 6 };
export const OPENING_MARKS = 8;

/** What bodies share that begin with the same bytes, ids in one spelling but for `id`. */
export interface OpeningTexts {
  workspace_id: string;
  integration_id: string;
  customer_id: string | null;
  state: string | null;
  id: string;
}

/** The marks of the bodies of a run, which lie in one buffer. */
export interface BodyScan {
  /** `MARKS` numbers a body; the first is 0 where the body is to be read from its text, else its opening's number + 1. */
  marks: Int32Array<ArrayBuffer>;
  /** `OPENING_MARKS` numbers an opening. */
  openings: Int32Array<ArrayBuffer>;
  /** Of the openings that were read. */
  texts: (OpeningTexts | undefined)[];
}
