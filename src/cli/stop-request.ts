// A request to stop: SIGTERM, SIGINT, a terminal that closed, or the supervisor's channel that did.

/** Resolves, with how a stop was asked for. */
export interface StopRequest {
  asked: Promise<string>;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// One Ctrl-C reaches `npm start`'s program twice: from the terminal, and passed on by npm.
const SAME_REQUEST_MS = 1_000;

/** Listens from now on. `again` is called when a stop is asked for a second time: it leaves everything (default: at once). */
export function listenForStop(again: () => void = () => process.exit(1)): StopRequest {
  let resolve: (how: string) => void = () => {};
  const asked = new Promise<string>((settle) => {
    resolve = settle;
  });
  let firstAt: number | undefined;
  const receive = (how: string) => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      resolve(how);
    } else if (Date.now() - firstAt > SAME_REQUEST_MS) again();
  };
  const onDisconnect = () => receive('the supervisor is gone');
  for (const signal of SIGNALS) process.on(signal, receive);
  if (process.connected) process.once('disconnect', onDisconnect);
  else if (process.connected === false) onDisconnect(); // It was there, and went while we loaded.
  return { asked };
}
