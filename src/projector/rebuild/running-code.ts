import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../postgres/package-root.js';

/**
 * What code this process runs: the digest of its sources, which its folder in dist/ is named for; `sources` where they
 * are run as they are.
 */
export function runningCode(): string {
  const [folder, digest] = relative(packageRoot(), fileURLToPath(import.meta.url)).split(sep);
  return folder === 'dist' ? digest! : 'sources';
}
