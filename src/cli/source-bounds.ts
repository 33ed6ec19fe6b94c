import type { SourceSettings } from '../log/source.js';

/** What bounds a source, in words. */
export function describeBounds(source: SourceSettings): string {
  const { workspaces, cidrs, proxy_depth, max_rate, max_bytes } = source;
  const bounds = [
    workspaces && `workspaces ${workspaces.join(', ')}`,
    cidrs && `from ${cidrs.join(', ')}`,
    proxy_depth > 0 && `proxy depth ${proxy_depth}`,
    max_rate && `${max_rate} events a second`,
    max_bytes && `${max_bytes} bytes in flight`,
  ];
  return bounds.filter(Boolean).join('; ') || 'no bounds';
}
