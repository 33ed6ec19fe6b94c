import { connect } from 'nats';
import { parseNatsUrl } from '../bus/nats-url.js';
import { findStream, managerOf, STREAM } from '../bus/stream.js';

/** How far the bus is. `sequence` is null where there is none to ask; `reason` says why. */
export interface BusStatus {
  stream: string;
  sequence: number | null;
  messages: number | null;
  server: string | null;
  reason: string | null;
}

const nothing = (reason: string): BusStatus => ({
  ...{ stream: STREAM, sequence: null, messages: null, server: null },
  reason,
});

const WITHIN_MS = 2000;

/** Asks the bus once. Never throws: a bus that is away is an answer. */
export async function readBusStatus(natsUrl: string | undefined): Promise<BusStatus> {
  if (natsUrl === undefined) return nothing('no bus is configured (NATS_URL)');
  try {
    return await ask(natsUrl);
  } catch (error) {
    return nothing(`the bus does not answer (${(error as { code?: string }).code ?? 'unreachable'})`);
  }
}

async function ask(natsUrl: string): Promise<BusStatus> {
  const connection = await connect({
    ...parseNatsUrl(natsUrl),
    ...{ name: 'hookfold status', timeout: WITHIN_MS, reconnect: false },
  });
  try {
    const info = await findStream(await managerOf(connection));
    if (!info) return nothing(`the server has no stream ${STREAM} yet`);
    const { last_seq: sequence, messages } = info.state;
    return { stream: STREAM, sequence, messages, server: connection.info?.version ?? null, reason: null };
  } finally {
    await connection.close();
  }
}
