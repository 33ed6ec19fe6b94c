// Texts out of bytes, made once: ids, names and times come again and again in a log, and comparing bytes costs a
// fraction of making a text. A text that was made before is the same object, so that comparing and looking it up is
// quick as well.

const SLOTS = 1024;
const LONGEST = 64;

interface Slot {
  bytes: Uint8Array;
  text: string;
}

/** The text of the bytes from `start` to `end` (UTF-8). */
export type TextMemo = (bytes: Buffer, start: number, end: number) => string;

/** A memo of the last thousand or so short texts. Longer ones are made anew each time. */
export function createTextMemo(): TextMemo {
  const slots = new Array<Slot | undefined>(SLOTS).fill(undefined);

  return (bytes, start, end) => {
    const length = end - start;
    if (length === 0) return '';
    if (length > LONGEST) return bytes.toString('utf8', start, end);
    const at = slotOf(bytes, start, length);
    const slot = slots[at];
    if (slot !== undefined && isSame(slot.bytes, bytes, start, length)) return slot.text;
    const text = bytes.toString('utf8', start, end);
    // A copy, which Buffer's own `slice` is not: the caller may write over its bytes.
    slots[at] = { bytes: new Uint8Array(bytes.subarray(start, end)), text };
    return text;
  };
}

// Some of the bytes, from where ids differ.
function slotOf(bytes: Buffer, start: number, length: number): number {
  const end = start + length;
  let hash = length * 31 + bytes[start]!;
  hash = (hash * 31 + bytes[start + (length >> 2)]!) | 0;
  hash = (hash * 31 + bytes[start + (length >> 1)]!) | 0;
  hash = (hash * 31 + bytes[end - 1]!) | 0;
  if (length > 3) hash = (hash * 31 + bytes[end - 3]!) | 0;
  return hash & (SLOTS - 1);
}

function isSame(known: Uint8Array, bytes: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
