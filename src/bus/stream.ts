// The stream: one for the whole log, without limits, numbered as the log is.
import {
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { explained } from './explain.js';
import { SUBJECT_ROOT } from './subject.js';

/** Name of the stream. */
export const STREAM = 'HOOKFOLD';

const OLDEST_SERVER = [2, 9, 10] as const;
const STREAM_NOT_FOUND = 10059;
const MESSAGE_NOT_FOUND = 10037;
const SUBJECTS_OVERLAP = 10065;

// What the numbering rests on. The rest (replicas, storage, placement, duplicate window …) is the operator's.
const NEEDED = {
  subjects: [`${SUBJECT_ROOT}.>`],
  retention: RetentionPolicy.Limits,
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  no_ack: false,
  mirror: undefined,
  sources: undefined,
} satisfies Partial<Record<keyof StreamConfig, unknown>>;

// The window is small: order is guarded by the expected sequence, and a tail that the server lost must not be
// taken for a repetition when it is sent again.
const MADE_WITH = {
  name: STREAM,
  description: 'hookfold: the event log, message n is event n',
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  num_replicas: 1,
  duplicate_window: nanos(1000),
};

/** The server or the stream is not as hookfold needs it, and only a person can change that. */
export class StreamUnfit extends Error {
  readonly code = 'HOOKFOLD_STREAM_UNFIT';
}

/** Makes the stream if there is none, and answers what the server says of it. Throws StreamUnfit where it cannot be made. */
export async function ensureStream(connection: NatsConnection): Promise<StreamInfo> {
  assertServer(connection);
  const manager = await managerOf(connection);
  return (await findStream(manager)) ?? (await makeStream(manager));
}

/** The JetStream API of a connection, without asking the server first. */
export function managerOf(connection: NatsConnection): Promise<JetStreamManager> {
  return connection.jetstreamManager({ checkAPI: false });
}

/** What the server says of the stream; undefined if there is none. */
export async function findStream(manager: JetStreamManager): Promise<StreamInfo | undefined> {
  return orUndefined(manager.streams.info(STREAM), STREAM_NOT_FOUND);
}

/** The stream's message at a sequence, if there is one. */
export async function findMessage(
  manager: JetStreamManager,
  sequence: number,
): Promise<StoredMsg | undefined> {
  return orUndefined(manager.streams.getMessage(STREAM, { seq: sequence }), MESSAGE_NOT_FOUND);
}

/**
 * Throws StreamUnfit where another stream has subjects of ours, so that none can be made. Where the user may not ask for
 * names of streams, nothing is found.
 */
export async function assertFree(manager: JetStreamManager): Promise<void> {
  const [holder] =
    (await manager.streams
      .names(NEEDED.subjects[0])
      .next()
      .catch(() => null)) ?? [];
  if (holder !== undefined) throw subjectsTaken(`stream ${holder} has some of them`);
}

function subjectsTaken(finding: string): StreamUnfit {
  return new StreamUnfit(
    `the server makes no stream ${STREAM} of ${NEEDED.subjects[0]}: ${finding}. Take these subjects from that stream.`,
  );
}

async function makeStream(manager: JetStreamManager): Promise<StreamInfo> {
  try {
    await manager.streams.add({ ...MADE_WITH, ...NEEDED } as unknown as StreamConfig);
  } catch (error) {
    const refusal = error instanceof NatsError ? error.api_error : undefined;
    throw refusal?.err_code === SUBJECTS_OVERLAP ? subjectsTaken(refusal.description) : explained(error);
  }
  return manager.streams.info(STREAM); // Read back: an older server drops silently what it does not know.
}

async function orUndefined<Answer>(asked: Promise<Answer>, missing: number): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === missing) return undefined;
    throw explained(error);
  }
}

/** Throws StreamUnfit where the server is older than hookfold can use. */
export function assertServer(connection: NatsConnection): void {
  const version = connection.info?.version ?? 'unknown';
  const numbers = version.split(/[.-]/).slice(0, 3).map(Number);
  const differing = OLDEST_SERVER.findIndex((number, index) => numbers[index] !== number);
  if (differing >= 0 && !(numbers[differing]! > OLDEST_SERVER[differing]!))
    throw new StreamUnfit(
      `nats-server is ${version}; hookfold needs ${OLDEST_SERVER.join('.')} or newer. Upgrade the server.`,
    );
}

/** Throws StreamUnfit where the stream has limits or subjects that its numbering does not stand. */
export function assertFit(config: StreamConfig): void {
  for (const [name, needed] of Object.entries(NEEDED)) {
    const found = config[name as keyof StreamConfig];
    // The server leaves out what is false, none or zero.
    if (needed ? JSON.stringify(found) !== JSON.stringify(needed) : found)
      throw new StreamUnfit(
        `stream ${STREAM} has ${name} ${JSON.stringify(found)}, expected ${JSON.stringify(needed)}. ` +
          `Change that back (nats stream edit ${STREAM}).`,
      );
  }
}
