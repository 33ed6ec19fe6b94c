/** A stream of numbers that its seed decides, alike on every machine. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number;
  /** True so often. */
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** So many hex digits, in lower case. */
  hex(digits: number): string;
  /** A UUID v4 with dashes. */
  uuid(): string;
}

// Four digits at a time: most of what a simulated webhook costs is hex.
const HEX = Array.from({ length: 65_536 }, (_, value) => value.toString(16).padStart(4, '0'));

/** sfc32, by Chris Doty-Humphrey (PractRand): fast, small, good enough to play with. */
export function createRandom(seed: number): Random {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const word = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let warm = 0; warm < 15; warm++) word();

  const next = () => word() / 4_294_967_296;
  const below = (limit: number) => Math.floor(next() * limit);
  const hex = (digits: number) => {
    let text = '';
    while (text.length < digits) {
      const value = word();
      text += HEX[value & 0xffff]! + HEX[value >>> 16]!;
    }
    return text.length === digits ? text : text.slice(0, digits);
  };
  const uuid = () => {
    const [first, second, third, fourth] = [word(), word(), word(), word()];
    return (
      `${HEX[first & 0xffff]}${HEX[first >>> 16]}-${HEX[second & 0xffff]}-` +
      `${HEX[0x4000 | (second >>> 20)]}-${HEX[0x8000 | (third & 0x3fff)]}-` +
      `${HEX[third >>> 16]}${HEX[fourth & 0xffff]}${HEX[fourth >>> 16]}`
    );
  };
  return {
    next,
    below,
    hex,
    uuid,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[below(choices.length)]!,
  };
}
