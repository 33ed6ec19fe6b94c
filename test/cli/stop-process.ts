// Says what asks it to stop, and stops for nothing.
import { listenForStop } from '../../src/cli/stop-request.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

listenForStop(() => say('again')).then((how) => say(`asked: ${how}`));
process.on('SIGTERM', () => say('signal'));
process.on('disconnect', () => say('gone'));
setInterval(() => {}, 1000);
say('ready');
