// Checks paths and query strings against their schemas. Query strings are text: numbers and booleans are read from
// it, and a parameter that is not known is an error, since a filter that is not applied would answer too much.
import type { TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { Value } from '@sinclair/typebox/value';
import type { FastifySchemaCompiler } from 'fastify';
import { Problem } from '../http/problem.js';

/** Fastify's validator compiler for this API. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const check = TypeCompiler.Compile(schema);
  return (given: unknown) => {
    const value = read(schema, given as Record<string, unknown>);
    return check.Check(value) ? { value } : { error: misfit(schema, check, value) };
  };
};

// TypeBox reads an integer off the beginning of a text: 1e3 and 1.5 would be 1. What is none stays a text, and is refused.
function read(schema: TSchema, given: Record<string, unknown>): unknown {
  const value = Value.Convert(schema, Value.Default(schema, { ...given })) as Record<string, unknown>;
  for (const [name, text] of Object.entries(given))
    if (schema.properties[name]?.type === 'integer' && typeof text === 'string')
      value[name] = /^-?\d+$/.test(text) ? Number(text) : text;
  return value;
}

function misfit(schema: TSchema, check: TypeCheck<TSchema>, value: unknown): Problem {
  const error = check.Errors(value).First()!;
  const name = error.path.slice(1);
  const known = Object.keys(schema.properties);
  const values: string[] | undefined = schema.properties[name]?.enum;
  const expected = values ? `expected one of ${values.join(', ')}` : error.message.toLowerCase();
  const detail = known.includes(name)
    ? `${name}: ${expected}, found ${JSON.stringify(error.value)?.slice(0, 100)}`
    : `unknown parameter ${JSON.stringify(name.slice(0, 100))}; known here: ${known.join(', ') || 'none'}`;
  return new Problem(400, 'invalid-request', detail);
}
