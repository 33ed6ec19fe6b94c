import type pg from 'pg';

/** How far a file was imported: `bytes` from its start, whose SHA-256 is `digest`. */
export interface ImportProgress {
  id: number;
  bytes: number;
  lines: number;
  digest: Buffer;
}

/** What was imported into a source so far and is no longer than `bytes`; shortest first. */
export async function readImports(pool: pg.Pool, source: string, bytes: number): Promise<ImportProgress[]> {
  const { rows } = await pool.query(
    'SELECT id, bytes, lines, digest FROM import_progress WHERE source = $1 AND bytes <= $2 ORDER BY bytes',
    [source, bytes],
  );
  return rows;
}

/** Notes progress, in the caller's transaction; answers the id under which it goes on. */
export async function saveImport(
  client: pg.ClientBase,
  source: string,
  { id, bytes, lines, digest }: Omit<ImportProgress, 'id'> & { id?: number | undefined },
): Promise<number> {
  if (id === undefined) {
    const made = await client.query(
      'INSERT INTO import_progress (source, bytes, lines, digest) VALUES ($1, $2, $3, $4) RETURNING id',
      [source, bytes, lines, digest],
    );
    return made.rows[0].id;
  }
  await client.query(
    'UPDATE import_progress SET bytes = $2, lines = $3, digest = $4, updated_at = now() WHERE id = $1',
    [id, bytes, lines, digest],
  );
  return id;
}
