// Imports go one way. ARCHITECTURE.md draws the arrows; this is where they are held.
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { readSources, type SourceFile } from './sources.js';

const FLOOR = ['schemas', 'service', 'logging', 'pause'];
const PLACES = ['postgres', 'http'];
const STORES = ['log', 'bus'];

/** What each room may import beside itself. A room that is not here may not exist. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  schemas: [],
  service: [],
  logging: [],
  pause: [],
  projections: ['schemas'],
  postgres: FLOOR,
  http: FLOOR,
  log: [...FLOOR, ...PLACES],
  bus: [...FLOOR, ...PLACES],
  'read-models': [...FLOOR, ...PLACES, 'projections'],
  ingest: [...FLOOR, ...PLACES, ...STORES],
  relay: [...FLOOR, ...PLACES, ...STORES],
  projector: [...FLOOR, ...PLACES, ...STORES, 'read-models', 'projections'],
  query: [...FLOOR, ...PLACES, ...STORES, 'read-models', 'projections'],
  // Plays the sender, over HTTP alone: it knows the words, and nothing of the machine.
  simulator: FLOOR,
  // Servers for one machine. Knows how to find the package and speak to Postgres, not what is in it.
  embedded: [...FLOOR, 'postgres'],
};
/** Composes the rest, so it may import all of it. */
const COMPOSERS = ['cli', 'main'];

/** The room of a path: a folder or a lone file of `src`, or a folder beside it. */
function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second.replace(/\.[jt]s$/, '') : first;
}

/** The paths of our own that a file imports, with the lines of its imports. */
function importsOf({ path, text }: SourceFile): { target: string; line: number }[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName, pos }) => ({
      target: normalize(join(dirname(path), fileName)),
      line: text.slice(0, pos).split('\n').length,
    }));
}

function isAllowed(from: string, to: string): boolean {
  return from === to || COMPOSERS.includes(from) || (MAY_IMPORT[from]?.includes(to) ?? false);
}

const sources = readSources(['schemas', 'projections', 'src']);

t.test('every arrow between rooms is one that the architecture has', async (t) => {
  const wrong = sources.flatMap((source) =>
    importsOf(source)
      .filter(({ target }) => !isAllowed(roomOf(source.path), roomOf(target)))
      .map(({ target, line }) => `${source.path}:${line} imports ${target}`),
  );
  t.strictSame(wrong, []);
});

t.test('every room is known', async (t) => {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)));
  const unknown = [...rooms].filter((room) => !(room in MAY_IMPORT) && !COMPOSERS.includes(room));
  t.strictSame(unknown, []);
});

t.test('no file imports in a circle, but for types', async (t) => {
  const graph = new Map(
    sources.map(({ path, text }) => [
      path,
      importsOf({ path, text: text.replaceAll(/^(import|export) type [^;]*;/gm, '') }).map(({ target }) =>
        target.replace(/\.js$/, '.ts'),
      ),
    ]),
  );
  t.strictSame(findCircle(graph), undefined);
});

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of graph.get(path) ?? []) {
      const circle = visit(target, [...way, path]);
      if (circle) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const circle = visit(path, []);
    if (circle) return circle;
  }
  return undefined;
}

t.test('the check sees an arrow that is wrong, in every way to write an import', async (t) => {
  const text = `import type { A } from '../relay/mirror.js';
    export { b } from "../relay/mirror.js";
    const c = await import('../relay/mirror.js');`;
  const found = importsOf({ path: 'src/ingest/service.ts', text });
  t.strictSame(
    found.map(({ line }) => line),
    [1, 2, 3],
  );
  t.ok(found.every(({ target }) => target === 'src/relay/mirror.js'));
  t.notOk(isAllowed('ingest', 'relay'));
  t.notOk(isAllowed('schemas', 'projections'));
  t.notOk(isAllowed('log', 'ingest'));
  t.ok(isAllowed('query', 'projections'));
});
