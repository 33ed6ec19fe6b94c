// A request to stop: SIGTERM, SIGINT, a terminal that closed, or the supervisor's channel that did.

/** How a stop was asked for. `again` resolves when it is asked for a second time: leave everything. */
export interface StopRequest {
  asked: Promise<string>;
  again: Promise<string>;
  /** Gives the signals back to Node's own handling. */
  forget(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// One Ctrl-C reaches `npm start`'s program twice: from the terminal, and passed on by npm.
const SAME_REQUEST_MS = 1_000;

/** Listens from now on. */
export function listenForStop(): StopRequest {
  const asked = createSignal();
  const again = createSignal();
  let firstAt: number | undefined;
  const receive = (how: string) => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      asked.resolve(how);
    } else if (Date.now() - firstAt > SAME_REQUEST_MS) again.resolve(how);
  };
  const onDisconnect = () => receive('the supervisor is gone');
  for (const signal of SIGNALS) process.on(signal, receive);
  if (process.connected) process.once('disconnect', onDisconnect);
  else if (process.connected === false) onDisconnect(); // It was there, and went while we loaded.
  const forget = () => {
    for (const signal of SIGNALS) process.off(signal, receive);
    process.off('disconnect', onDisconnect);
  };
  return { asked: asked.promise, again: again.promise, forget };
}

function createSignal() {
  let resolve: (how: string) => void = () => {};
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
