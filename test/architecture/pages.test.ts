// The pages say what is there: paths, commands and variables are compared with the tree and the program.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { Configuration } from '../../schemas/configuration.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { createContext } from '../../src/cli/context.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { readSources, type SourceFile } from './sources.js';

const front = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((path) => ({
  path,
  text: readFileSync(join(packageRoot(), path), 'utf8'),
}));
const pages = [...front, ...readSources(['docs'], ['.md'])];
const readme = front[0]!.text;
const exists = (path: string) => existsSync(join(packageRoot(), path));

/** The targets of a page's links to files, relative to the package. */
function linksOf({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].map((match) =>
    join(dirname(path), match[1]!),
  );
}

/** Paths of the tree that a page names in code font; those with a place-holder are left out. */
function pathsOf({ text }: SourceFile): string[] {
  const named = text.matchAll(/`((?:src|test|docs|projections|schemas|bin|deploy)\/[\w./-]*)`/g);
  return [...named].map((match) => match[1]!);
}

t.test('every link of a page leads to a file, and every path it names exists', async (t) => {
  const missing = pages.flatMap((page) =>
    [...linksOf(page), ...pathsOf(page)]
      .filter((path) => !exists(path))
      .map((path) => `${page.path}: ${path}`),
  );
  t.strictSame(missing, []);
});

t.test('the README has every variable of the environment, with its default', async (t) => {
  for (const [name, { default: fallback }] of Object.entries(Configuration.properties)) {
    const [, told] = new RegExp(`^\\| \`${name}\` \\| ([^|]*) \\|`, 'm').exec(readme) ?? [];
    t.ok(told, `${name} has a row`);
    if (fallback) t.match(told?.replaceAll('`', ''), String(fallback));
  }
});

/** All commands by what is typed: `source add`. */
function commandsOf(command: Command, before = ''): [string, Command][] {
  return command.commands.flatMap((one) => {
    const name = `${before}${one.name()}`;
    return one.commands.length > 0 ? commandsOf(one, `${name} `) : [[name, one] as [string, Command]];
  });
}

async function readCommands(): Promise<Map<string, Command>> {
  const context = createContext({ HOOKFOLD_DATA: '.' } as never);
  const program = new Command();
  for (const { usage, load } of COMMANDS) (await load())(program.command(usage), context);
  return new Map(commandsOf(program));
}

/** A command as a page shows it: in a block, behind `npx`, or in code font. */
const SHOWN = /(?:npx |`|^ {4})hookfold ([a-z]+)(?: ([a-z]+)\b)?([^`#|&\n]*)/gm;

t.test('every command that a page shows exists, with its options', async (t) => {
  const commands = await readCommands();
  const groups = new Set(
    [...commands.keys()].filter((name) => name.includes(' ')).map((name) => name.split(' ')[0]),
  );
  for (const { path, text } of pages)
    for (const [shown, first, second, rest] of text.matchAll(SHOWN)) {
      const command = commands.get(first!) ?? commands.get(`${first} ${second}`);
      if (!command && groups.has(first) && !second) continue; // A group as such.
      t.ok(command, `${path}: ${shown}`);
      const known = ['--help', ...(command?.options.map(({ long }) => long) ?? [])];
      for (const [flag] of rest!.matchAll(/--[a-z-]+/g)) t.ok(known.includes(flag), `${path}: ${shown}`);
    }
});

t.test('the README has every command', async (t) => {
  for (const name of (await readCommands()).keys()) {
    const [first, second] = name.split(' ');
    const row = new RegExp(`^\\|.*\`${first}\\b.*\\|$`, 'm').exec(readme)?.[0] ?? '';
    t.match(row, new RegExp(`\`(${first} )?${second ?? first}\\b`), `the README has ${name}`);
  }
});
