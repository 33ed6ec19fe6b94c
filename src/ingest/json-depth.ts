const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Whether brackets outside strings are nested deeper than `limit`. Asked before the parser, on the bytes, so that
 * nothing behind the door meets a text that its recursion cannot bear (Postgres' JSON parser is recursive).
 */
export function isDeeperThan(json: Uint8Array, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) at = endOfString(json, at);
    // [ and { are 5B and 7B, ] and } are 5D and 7D: one bit aside.
    else if ((byte & 0xdf) === 0x5b) {
      if (++depth > limit) return true;
    } else if ((byte & 0xdf) === 0x5d) depth--;
  }
  return false;
}

function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  for (; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}
