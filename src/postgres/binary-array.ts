// Arrays in Postgres' binary form. Bodies go over the wire as they are: the text form would quote and escape each,
// which is the largest single cost of an append through node-pg.
// https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv)
import { inspect } from 'node:util';

export type Element = string | number | boolean | Buffer | null;

/**
 * A value that its type cannot take. Nothing was sent; it has the SQLSTATE with which Postgres refuses a value in binary
 * form, so that it is told apart as if Postgres had said it.
 */
export class ValueRefused extends TypeError {
  readonly code = '22P03';
}

const OID = { text: 25, json: 114, uuid: 2950, bytea: 17, int8: 20, int4: 23, timestamptz: 1184, bool: 16 };
export type ElementType = keyof typeof OID;

const HEADER_BYTES = 20;
const EMPTY_BYTES = 12;
const FIXED_BYTES = 8;
const EPOCH_2000_MS = 946_684_800_000;

/** How a value becomes bytes. */
export interface Codec {
  /** Bytes that a value takes at the most. */
  most(value: never): number;
  /** Writes a value; answers its bytes. */
  write(buffer: Buffer, at: number, value: never): number;
}

// A UTF-16 unit takes three bytes at the most. Half a character would become another one.
const utf8: Codec = {
  most: (value: string) =>
    typeof value === 'string' && value.isWellFormed() ? value.length * 3 : refuse('a text', value),
  write: (buffer, at, value: string) => buffer.write(value, at),
};
const bytes: Codec = {
  most: (value: Buffer) => (Buffer.isBuffer(value) ? value.length : refuse('bytes', value)),
  write: (buffer, at, value: Buffer) => value.copy(buffer, at),
};
// The text, or its UTF-8.
const json: Codec = {
  most: (value: string | Buffer) =>
    typeof value === 'string'
      ? value.length * 3
      : Buffer.isBuffer(value)
        ? value.length
        : refuse('JSON as text', value),
  write: (buffer, at, value: string | Buffer) =>
    typeof value === 'string' ? buffer.write(value, at) : value.copy(buffer, at),
};

/** Throws what was expected, and what was found. */
function refuse(expected: string, value: unknown): never {
  const found = typeof value === 'number' ? String(value) : inspect(value, { depth: 0 }).slice(0, 100);
  throw new ValueRefused(`expected ${expected}, found ${found} (${typeof value})`);
}

const fixed = <Value>(size: number, write: (buffer: Buffer, at: number, value: Value) => void): Codec => ({
  most: () => size,
  write: (buffer, at, value: Value) => {
    write(buffer, at, value);
    return size;
  },
});

const HIGH = 2 ** 32;

function writeSafeInteger(buffer: Buffer, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) refuse('a safe integer', value);
  writeInteger(buffer, at, value);
}

// Twice as fast as by way of BigInt.
function writeInteger(buffer: Buffer, at: number, value: number): void {
  const high = Math.floor(value / HIGH);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(value - high * HIGH, at + 4);
}

const UUID_BYTES = 16;

// What is no hexadecimal digit ends the writing.
function writeUuid(buffer: Buffer, at: number, value: string): void {
  const digits = typeof value === 'string' ? value.replaceAll('-', '') : refuse('a UUID', value);
  const isUuid = digits.length === 2 * UUID_BYTES && buffer.write(digits, at, 'hex') === UUID_BYTES;
  if (!isUuid) refuse('a UUID', value);
}

function writeInstant(buffer: Buffer, at: number, value: string): void {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) refuse('a time as RFC 3339 text', value);
  // From the year 2285 on microseconds are no safe integer; what they are off by is less than the milliseconds that are kept.
  writeInteger(buffer, at, (ms - EPOCH_2000_MS) * 1000);
}

const CODECS: Record<ElementType, Codec> = {
  text: utf8,
  json,
  bytea: bytes,
  uuid: fixed(UUID_BYTES, writeUuid),
  int8: fixed(8, writeSafeInteger),
  int4: fixed(4, (buffer, at, value: number) => {
    if ((value | 0) !== value) refuse('a four-byte integer', value);
    buffer.writeInt32BE(value, at);
  }),
  bool: fixed(1, (buffer, at, value: boolean) => {
    if (typeof value !== 'boolean') refuse('true or false', value);
    buffer.writeUInt8(value ? 1 : 0, at);
  }),
  timestamptz: fixed(8, writeInstant),
};

/** The codec of a type; see `binaryArray` for what it takes. */
export const elementCodec = (type: ElementType): Codec => CODECS[type];

/**
 * A one-dimensional array parameter. `timestamptz` takes RFC 3339 text (milliseconds), `uuid` its dashed text,
 * `int8` a safe integer; of other values ValueRefused is thrown. node-pg sends a Buffer in binary form; the statement must cast it (`$1::text[]`).
 */
export function binaryArray(type: ElementType, values: readonly Element[]): Buffer {
  const { most, write } = CODECS[type];
  // Written once, without measuring first: nearly all text is ASCII, so room for that is made, and more when it is not.
  let buffer: Buffer = Buffer.allocUnsafe(
    values.reduce<number>((sum, value) => sum + 4 + sizeHint(value), HEADER_BYTES),
  );
  let at = HEADER_BYTES;
  let nulls = 0;
  for (const value of values) {
    const room = value === null ? 0 : most(value as never);
    if (at + 4 + room > buffer.length) buffer = enlarged(buffer, at + 4 + room);
    const length = value === null ? -1 : write(buffer, at + 4, value as never);
    buffer.writeInt32BE(length, at);
    at += 4;
    if (length < 0) nulls += 1;
    else at += length;
  }
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(nulls > 0 ? 1 : 0, 4);
  buffer.writeInt32BE(OID[type], 8);
  if (values.length === 0) return buffer.subarray(0, EMPTY_BYTES);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer.subarray(0, at);
}

const sizeHint = (value: Element) =>
  typeof value === 'string' || Buffer.isBuffer(value) ? value.length : FIXED_BYTES;

function enlarged(buffer: Buffer, needed: number): Buffer {
  const larger = Buffer.allocUnsafe(needed + (buffer.length >> 2));
  buffer.copy(larger);
  return larger;
}
