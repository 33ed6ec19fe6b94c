import { createInterface } from 'node:readline/promises';

/** Asks a person yes or no; where nobody sits at a terminal, or output is for a script, the answer is no. */
export function createConfirmation(forScript = false): (question: string) => Promise<boolean> {
  return async (question) => {
    if (forScript || !process.stdin.isTTY || !process.stderr.isTTY) return false;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  };
}
