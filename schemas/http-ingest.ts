// Why the door rejects or refuses, and what it says then.

interface Rejection {
  status: number;
  detail: string;
}

/** Why a request of a known source is no event: the HTTP status, and what its sender is told. */
export const REJECTIONS = {
  empty: { status: 400, detail: 'the body is empty; expected a JSON object with "event" and "payload"' },
  not_utf8: { status: 400, detail: 'the body is not UTF-8; send JSON as UTF-8 (RFC 8259)' },
  byte_order_mark: {
    status: 400,
    detail: 'the body begins with a byte order mark; send JSON without one (RFC 8259)',
  },
  not_json: {
    status: 400,
    detail: 'the body is not JSON (RFC 8259); NaN, Infinity and comments are not either',
  },
  too_deep: { status: 400, detail: 'the body is nested deeper than 100 levels' },
  no_envelope: { status: 422, detail: 'expected a JSON object with a text "event" and an object "payload"' },
  too_large: { status: 413, detail: 'the body is larger than this door takes' },
  form_encoded: { status: 415, detail: 'the body is a form; send the webhook as JSON' },
  encoded: {
    status: 415,
    detail: 'the body is not UTF-8 as it came, and has a Content-Encoding; send JSON without one',
  },
  wrong_workspace: { status: 403, detail: 'this source may not send for the workspace_id of the body' },
  refused_by_database: { status: 422, detail: 'the log cannot hold this event' },
} as const satisfies Record<string, Rejection>;

export type RejectedReason = keyof typeof REJECTIONS;

/** Why the door is closed for now (503): never the sender's fault. */
export const REFUSALS = {
  starting: 'the service has not read its sources yet',
  database: 'the log cannot be written now',
  read_only: 'the log is read only now',
  stale: 'the service cannot tell which sources are valid now',
  too_much_in_flight: 'too much is in flight',
  source_limit: 'this source is over its limit',
  rejections_full: 'the service cannot keep what it rejects now',
} as const;

export type RefusalCause = keyof typeof REFUSALS;
