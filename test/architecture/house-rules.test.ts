// The habits of CONTRIBUTING.md that a machine can see.
import { basename } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { readSources, type SourceFile } from './sources.js';

const MOST_LINES = 250;
const sources = readSources(['schemas', 'projections', 'src', 'test', 'bench'], ['.ts', '.sql']);
const machine = readSources(['src']);

t.test(`no file is longer than ${MOST_LINES} lines`, async (t) => {
  const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > MOST_LINES);
  t.strictSame(
    long.map(({ path, text }) => `${path}: ${text.trimEnd().split('\n').length}`),
    [],
  );
});

t.test('files are named in kebab-case, for one idea', async (t) => {
  const odd = sources.filter(
    ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|sql)$/.test(basename(path)),
  );
  t.strictSame(
    odd.map(({ path }) => path),
    [],
  );
  const vague = sources.filter(({ path }) =>
    /(^|[/-])(util|utils|common|helpers?|managers?|misc)\b/.test(path),
  );
  t.strictSame(
    vague.map(({ path }) => path),
    [],
  );
});

t.test('no test is skipped or singled out, and nothing is left to do in a comment', async (t) => {
  const left = new RegExp(
    ['\\.(sk', 'ip|on', 'ly|to', 'do)\\(|\\b(TO', 'DO|FIX', 'ME|XX', 'X|TE', 'MP)\\b'].join(''),
  );
  const found = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (left.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  t.strictSame(found, []);
});

t.test('every exported function, class and value says what it promises', async (t) => {
  const bare = machine.flatMap(undocumentedExports);
  t.strictSame(bare, []);
});

/** Exported values without a docstring. (Types are told where they are taken or given, and field by field.) */
function undocumentedExports({ path, text }: SourceFile): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return file.statements
    .filter((statement) => isExportedDeclaration(statement) && !hasDocstring(statement))
    .filter((statement) => !ts.isInterfaceDeclaration(statement) && !ts.isTypeAliasDeclaration(statement))
    .flatMap(namesOf)
    .map((name) => `${path}: ${name}`);
}

function isExportedDeclaration(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

const hasDocstring = (statement: ts.Statement) => ts.getJSDocCommentsAndTags(statement).length > 0;

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = statement as ts.DeclarationStatement;
  return name ? [name.getText()] : [];
}
