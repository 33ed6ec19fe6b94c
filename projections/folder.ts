/**
 * The source folder of the module with this `import.meta.url`, with a slash at its end. Only TypeScript is compiled:
 * `table.sql` stays beside the sources, wherever the compiled module runs from.
 */
export function sourceFolder(moduleUrl: string): URL {
  return new URL(
    '.',
    moduleUrl.replace(/\/dist\/[^/]+\/projections\/(?!.*\/projections\/)/, '/projections/'),
  );
}
