// Parameters of the query API that many of its routes take, and the forms of its answers.
import {
  Kind,
  type TObject,
  type TProperties,
  type TSchema,
  type TUnsafe,
  Type,
  TypeRegistry,
} from '@sinclair/typebox';

const MAX_POSITION = Number.MAX_SAFE_INTEGER;

export const Position = (description: string) =>
  Type.Integer({ minimum: 0, maximum: MAX_POSITION, description });

/** A filter: equality with a text. */
export const Filter = (description: string) => Type.Optional(Type.String({ description }));

/** Narrows an answer to one workspace. */
export const InWorkspace = { workspace_id: Filter('Workspace, UUIDs in any spelling') };

TypeRegistry.Set<{ enum: unknown[] }>('OneOf', (schema, value) => schema.enum.includes(value));

/** One of a closed set of texts; another is a 400 that names them. A union of literals would be no `enum` in OpenAPI. */
export const OneOf = <T extends string>(values: readonly T[], options: object) =>
  ({ [Kind]: 'OneOf', type: 'string', enum: [...values], ...options }) as unknown as TUnsafe<T>;

/** A parameter of a path. */
export const PathText = (description: string) => Type.String({ description });

export const Paging = {
  limit: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 100,
    description: 'Items of a page at the most',
  }),
  cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before' })),
};

export const Order = OneOf(['asc', 'desc'], {
  default: 'desc',
  description: 'desc: newest first; asc: oldest first',
});

export const Waiting = {
  min_position: Type.Optional(
    Position(
      'Wait until the answer has this event: read your own writes. 504 if it takes longer than wait_ms',
    ),
  ),
  wait_ms: Type.Integer({
    minimum: 0,
    maximum: 30_000,
    default: 5000,
    description: 'How long min_position waits',
  }),
};

export const AsOf = {
  as_of: Type.Optional(
    Type.String({
      description: 'A position, or an RFC 3339 time: what was known then. Folded anew from the log',
      examples: ['1200', '2026-11-23T22:46:00Z'],
    }),
  ),
};

/** The query string of a route: these parameters, and no other. Those with a default are always there, and may be left out. */
export function Parameters<T extends TProperties>(properties: T): TObject<T> {
  const schema = Type.Object(properties, { additionalProperties: false });
  const { required = [] } = schema as { required?: string[] };
  return { ...schema, required: required.filter((name) => !('default' in properties[name]!)) } as TObject<T>;
}

/** An answer's part that may be absent. */
export const OrNull = (schema: TSchema) => Type.Unsafe<unknown>({ anyOf: [schema, { type: 'null' }] });

/** An answer that is no JSON of ours. */
export const Content = (type: string, schema: { description: string; type?: string }) =>
  Type.Unsafe<unknown>({ description: schema.description, content: { [type]: { schema } } });

/** A page of a list. */
export const PageOf = (item: TSchema): TObject =>
  Type.Object({
    items: Type.Array(item),
    next_cursor: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'Asks for the next page; null on the last one',
    }),
  });

/** An error, RFC 9457. */
export const ProblemDetails = Type.Object(
  {
    type: Type.String({ examples: ['urn:hookfold:invalid-request'] }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable name of the problem' }),
    detail: Type.String({ description: 'What was expected, what was found, what to do' }),
  },
  { description: 'RFC 9457' },
);

/** A row's schema as the API shows it: without the columns `hidden`, in plain JSON Schema. */
export function shownRow(row: TObject, hidden: readonly string[] = []): TObject {
  const properties = Object.entries(row.properties).filter(([name]) => !hidden.includes(name));
  return Type.Object(
    Object.fromEntries(
      properties.map(([name, property]) => {
        const { column: _, ...plain } = property as TSchema & { column?: string };
        return [name, Type.Unsafe(plain)];
      }),
    ),
  );
}
