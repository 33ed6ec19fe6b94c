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
    const value = Value.Convert(schema, Value.Default(schema, { ...(given as object) }));
    return check.Check(value) ? { value } : { error: misfit(schema, check, value) };
  };
};

function misfit(schema: TSchema, check: TypeCheck<TSchema>, value: unknown): Problem {
  const error = check.Errors(value).First()!;
  const name = error.path.slice(1);
  const known = Object.keys(schema.properties);
  const detail = known.includes(name)
    ? `${name}: ${error.message.toLowerCase()}, found ${JSON.stringify(error.value)?.slice(0, 100)}`
    : `unknown parameter ${JSON.stringify(name.slice(0, 100))}; known here: ${known.join(', ') || 'none'}`;
  return new Problem(400, 'invalid-request', detail);
}
