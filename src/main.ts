// The program: reads the environment once, then hands over to the command that was named.
import { ConfigurationError, readConfiguration } from './cli/configuration.js';
import { createContext } from './cli/context.js';
import { describeError } from './cli/describe-error.js';
import { createProgram } from './cli/program.js';

// Whoever reads may have seen enough (`hookfold tail | head`): that is an end, not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  const context = createContext(readConfiguration(process.env));
  await createProgram(context).parseAsync(process.argv);
} catch (error) {
  process.stderr.write(`hookfold: ${describeError(error)}\n`);
  if (process.env.LOG_LEVEL === 'debug') process.stderr.write(`${(error as Error).stack}\n`);
  // At once: what the command had opened must not keep the process alive.
  process.exit(error instanceof ConfigurationError ? 2 : 1);
}
