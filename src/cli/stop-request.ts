// A request to stop: SIGTERM, SIGINT, a terminal that closed, or the supervisor's channel that did.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// One Ctrl-C reaches `npm start`'s program twice: from the terminal, and passed on by npm.
const SAME_REQUEST_MS = 1_000;

/**
 * Listens from now on; resolves, with how, when a stop is asked for. `again` is called when a signal asks a second time: it
 * leaves everything (default: at once). A supervisor that goes in the middle of a stop asks for nothing more.
 */
export function listenForStop(again: () => void = () => process.exit(1)): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const receive = (how: string) => {
      firstAt ??= Date.now();
      resolve(how);
    };
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (firstAt !== undefined && Date.now() - firstAt > SAME_REQUEST_MS) again();
        receive(signal);
      });
    const onDisconnect = () => receive('the supervisor is gone');
    if (process.connected) process.once('disconnect', onDisconnect);
    else if (process.connected === false) onDisconnect(); // It was there, and went while we loaded.
  });
}
