// The program: hands over to the command that is named, which reads the environment once.
import { endWithReader } from './cli/lost-reader.js';
import { createProgram } from './cli/program.js';

endWithReader();

try {
  await createProgram(openContext).parseAsync(process.argv);
} catch (error) {
  const { describeError } = await import('./cli/describe-error.js');
  process.stderr.write(`hookfold: ${describeError(error)}\n`);
  if (process.env.LOG_LEVEL === 'debug') process.stderr.write(`${(error as Error).stack}\n`);
  // At once: what the command had opened must not keep the process alive.
  process.exit((error as { code?: string }).code === 'CONFIGURATION' ? 2 : 1);
}

async function openContext() {
  const { createContext } = await import('./cli/context.js');
  const { readConfiguration } = await import('./cli/configuration.js');
  return createContext(readConfiguration(process.env));
}
