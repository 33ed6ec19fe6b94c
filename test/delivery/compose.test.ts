// No Docker engine runs these files in the tests, so what they name is compared with what there is.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { Configuration } from '../../schemas/configuration.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { readConfiguration } from '../../src/cli/configuration.js';
import { packageRoot } from '../../src/postgres/package-root.js';

interface ComposeService {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  restart?: string;
  volumes?: string[];
}

const read = (name: string) => readFileSync(join(packageRoot(), name), 'utf8');
const compose: { services: Record<string, ComposeService>; volumes: object } = parse(
  read('docker-compose.yml'),
);
const ours = Object.entries(compose.services).filter(([, service]) => service.image === 'hookfold');
const commands = COMMANDS.map(({ usage }) => usage.split(' ')[0]);
const variables = Object.keys(Configuration.properties);

t.test('compose runs every role, postgres and nats', async (t) => {
  const names = ['ingest', 'migrate', 'nats', 'postgres', 'projector', 'query'];
  t.same(Object.keys(compose.services).sort(), names);
  for (const [name, service] of ours) t.same(service.command, [name]);
});

t.test(
  'every command and variable in compose exists in the program, with a value that it takes',
  async (t) => {
    for (const [name, service] of ours) {
      t.ok(commands.includes(service.command?.[0] ?? ''), `${name} runs a command of the program`);
      for (const variable of Object.keys(service.environment ?? {}))
        t.ok(variables.includes(variable), `${name} sets ${variable}`);
      t.doesNotThrow(() => readConfiguration(service.environment ?? {}));
    }
    for (const [, command] of read('docker-compose.yml').matchAll(/compose run --rm \w+ (\w+)/g))
      t.ok(commands.includes(command ?? ''), `the comment names the command ${command}`);
  },
);

t.test('what a service waits for exists and can come true', async (t) => {
  for (const [name, service] of Object.entries(compose.services)) {
    t.ok(service.restart, `${name} is restarted`);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const awaited = compose.services[other];
      t.ok(awaited, `${name} waits for ${other}`);
      if (condition === 'service_healthy') t.ok(awaited?.healthcheck, `${other} tells its health`);
      else t.equal(condition, 'service_completed_successfully');
    }
    for (const volume of service.volumes ?? []) t.ok(Object.hasOwn(compose.volumes, volume.split(':')[0]!));
  }
});

t.test('a role is asked for its health at the port that it is given', async (t) => {
  for (const [name, service] of ours) {
    if (name === 'migrate') continue;
    const port = service.environment?.[`${name.toUpperCase()}_PORT`];
    t.match(service.healthcheck?.test.join(' '), `http://127.0.0.1:${port}/readyz`);
  }
});

t.test('the image is made of what exists, and compiles nothing when it runs', async (t) => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
    paths!.split(' '),
  );
  for (const path of copied) {
    t.ok(existsSync(join(packageRoot(), path)), `${path} exists`);
    t.ok(read('.dockerignore').split('\n').includes(`!${path}`), `${path} is sent to the builder`);
  }
  for (const [, name] of dockerfile.matchAll(/^ENV (\w+)=/gm))
    t.ok(['NODE_ENV', ...variables].includes(name!));
  t.match(dockerfile, /^COPY --from=build \/app\/dist \.\/dist$/m);
  t.match(dockerfile, /^USER node$/m);
});
