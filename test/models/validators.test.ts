// The schemas in other libraries' validators: each with the real library, and with this library's messages.
import { zValidator } from '@hono/zod-validator';
import { standardSchemaResolver } from '@hookform/resolvers/standard-schema';
import { zodResolver } from '@hookform/resolvers/zod';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { initTRPC, TRPCError } from '@trpc/server';
import { type FlexibleSchema, generateText, jsonSchema, tool } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { validator } from 'hono/validator';
import { createFormControl } from 'react-hook-form';
import { describe, expect, test } from 'vitest';
import {
  inputJsonSchemas,
  inputSchemas,
  InvalidInputError,
  KLING_O1,
  KLING_O3_STD,
  type KlingO3StdInput,
  klingO1InputSchema,
  klingO3StdInputObject,
  klingO3StdInputSchema,
  type ModelId,
  models,
  parseInput,
} from 'wavespeed-kling/schemas';
import * as z from 'zod';
import { Ajv2020 } from './support.js';

const PICTURE = 'https://example.com/front.png';
const VALID = { prompt: 'A fox', images: [PICTURE], duration: 8 as const };
const CROWDED = { ...VALID, video: 'https://example.com/clip.mp4', images: Array(5).fill(PICTURE) };
const FILLED = { ...VALID, keep_original_sound: true, aspect_ratio: '16:9', sound: false };

// An invalid input, and its messages, field by field.
const WRONG = { prompt: ' ', duration: '8', aspectRatio: '16:9' };
const MESSAGES = [
  'got " " (a string); expected a non-empty string, not only whitespace',
  'got "8" (a string); expected a whole number of seconds from 3 to 15',
  `aspectRatio: not a field of ${KLING_O3_STD}; did you mean "aspect_ratio"?`,
];
const CROWDED_MESSAGE = 'got 5 images with a reference video; expected at most 4 (7 without `video`)';

describe('Ajv', () => {
  test('compiles the JSON Schema in strict mode, and enforces the image limit with a video', () => {
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile<KlingO3StdInput>(
      inputJsonSchemas[KLING_O3_STD],
    );
    expect(validate(VALID)).toBe(true);
    expect(validate(CROWDED)).toBe(false);
    expect(validate.errors).toContainEqual(
      expect.objectContaining({ instancePath: '/images', keyword: 'maxItems', params: { limit: 4 } }),
    );
    expect(validate(WRONG)).toBe(false);
    expect(validate.errors?.map(({ instancePath, keyword }) => `${instancePath} ${keyword}`).sort()).toEqual(
      [' additionalProperties', '/duration enum', '/duration type', '/prompt pattern'].sort(),
    );
  });

  test('fills in the same defaults with useDefaults', () => {
    const data = structuredClone<unknown>(VALID);
    expect(new Ajv2020({ useDefaults: true }).compile(inputJsonSchemas[KLING_O3_STD])(data)).toBe(true);
    expect(data).toEqual(FILLED);
  });

  test("reports this library's messages through a keyword that calls zod", () => {
    const ajv = new Ajv2020({ allErrors: true });
    ajv.addKeyword({
      keyword: 'klingInput',
      errors: 'full',
      compile: (model: ModelId) => {
        const validate: { (data: unknown): boolean; errors?: object[] } = (data) => {
          const result = inputSchemas[model].safeParse(data);
          validate.errors = (result.error?.issues ?? []).map(({ path, message }) => ({
            keyword: 'klingInput',
            instancePath: path.map((key) => `/${String(key)}`).join(''),
            message,
            params: {},
          }));
          return result.success;
        };
        return validate;
      },
    });
    const validate = ajv.compile({ klingInput: KLING_O3_STD });
    expect(validate(VALID)).toBe(true);
    expect(validate(WRONG)).toBe(false);
    expect(validate.errors?.map(({ message }) => message)).toEqual(MESSAGES);
  });
});

describe('Fastify', () => {
  test('validates the body by the JSON Schema with an Ajv for draft 2020-12', async () => {
    const app = Fastify();
    const ajv = new Ajv2020({ allErrors: true, useDefaults: true });
    app.setValidatorCompiler(({ schema }) => ajv.compile(schema as object));
    app.post('/videos', { schema: { body: inputJsonSchemas[KLING_O3_STD] } }, ({ body }) => body);

    const good = await app.inject({ method: 'POST', url: '/videos', payload: VALID });
    expect([good.statusCode, good.json()]).toEqual([200, FILLED]);
    for (const payload of [WRONG, CROWDED]) {
      expect((await app.inject({ method: 'POST', url: '/videos', payload })).statusCode).toBe(400);
    }
    await app.close();
  });

  test('reports that its own Ajv does not support draft 2020-12', async () => {
    const app = Fastify();
    app.post('/videos', { schema: { body: inputJsonSchemas[KLING_O3_STD] } }, ({ body }) => body);
    await expect(app.ready()).rejects.toThrow(
      /no schema with key or ref "https:\/\/json-schema.org\/draft\/2020-12/,
    );
  });

  test("reports this library's messages with parseInput as the validator", async () => {
    const app = Fastify();
    app.setValidatorCompiler<ModelId>(({ schema: model }) => (body: unknown) => {
      try {
        return { value: parseInput(model, body) };
      } catch (error) {
        return { error: error as Error };
      }
    });
    app.post('/videos', { schema: { body: KLING_O3_STD } }, ({ body }) => body);

    const good = await app.inject({ method: 'POST', url: '/videos', payload: VALID });
    expect([good.statusCode, good.json()]).toEqual([200, FILLED]);
    const bad = await app.inject({ method: 'POST', url: '/videos', payload: WRONG });
    expect(bad.statusCode).toBe(400);
    for (const message of MESSAGES) expect(bad.json<{ message: string }>().message).toContain(message);
    const crowded = await app.inject({ method: 'POST', url: '/videos', payload: CROWDED });
    expect(crowded.json<{ message: string }>().message).toContain(CROWDED_MESSAGE);
    await app.close();
  });
});

describe('Hono', () => {
  const post = (app: Hono, body: unknown) =>
    app.request('/videos', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('with @hono/zod-validator', async () => {
    const app = new Hono();
    app.post('/videos', zValidator('json', klingO3StdInputSchema), (context) =>
      context.json(context.req.valid('json')),
    );
    expect(await (await post(app, VALID)).json()).toEqual(FILLED);
    const bad = await post(app, WRONG);
    expect(bad.status).toBe(400);
    const { error } = (await bad.json()) as { error: { message: string } };
    const issues = JSON.parse(error.message) as { message: string }[];
    expect(issues.map(({ message }) => message)).toEqual(MESSAGES);
  });

  test('with its own validator', async () => {
    const app = new Hono();
    const body = validator('json', (value, context) => {
      const result = klingO3StdInputSchema.safeParse(value);
      return result.success ? result.data : context.json({ problems: result.error.issues }, 400);
    });
    app.post('/videos', body, (context) => context.json(context.req.valid('json')));
    expect(await (await post(app, VALID)).json()).toEqual(FILLED);
    const bad = await post(app, WRONG);
    expect(bad.status).toBe(400);
    const { problems } = (await bad.json()) as { problems: { message: string }[] };
    expect(problems.map(({ message }) => message)).toEqual(MESSAGES);
  });
});

describe('tRPC', () => {
  const trpc = initTRPC.create();
  const router = trpc.router({
    makeVideo: trpc.procedure.input(klingO3StdInputSchema).mutation(({ input }) => input),
  });
  const caller = trpc.createCallerFactory(router)({});

  test("accepts the schema as a procedure's input", async () => {
    const made = await caller.makeVideo({ prompt: 'A fox', images: [PICTURE], duration: 8 });
    expect(made).toEqual(FILLED);
    // @ts-expect-error -- typed by it as well
    await expect(caller.makeVideo({ prompt: 'A fox', duration: 16 })).rejects.toThrow(TRPCError);
  });

  test("reports this library's messages", async () => {
    const error: unknown = await caller.makeVideo(WRONG as never).catch((reason: unknown) => reason);
    if (!(error instanceof TRPCError) || !(error.cause instanceof z.ZodError)) throw error;
    expect(error.code).toBe('BAD_REQUEST');
    expect(error.cause.issues.map(({ message }) => message)).toEqual(MESSAGES);
  });
});

describe('React Hook Form', () => {
  test.each([
    ['zodResolver', zodResolver(klingO3StdInputSchema)],
    ['standardSchemaResolver', standardSchemaResolver(klingO3StdInputSchema)],
  ])('with %s', async (_, resolver) => {
    const submit = async (values: KlingO3StdInput) => {
      const form = createFormControl({ resolver, defaultValues: values });
      let taken: unknown;
      let errors: unknown;
      await form.handleSubmit(
        (request) => {
          taken = request;
        },
        (rejected) => {
          errors = rejected;
        },
      )();
      return { taken, errors };
    };
    expect(await submit(VALID)).toEqual({ taken: FILLED, errors: undefined });
    expect((await submit({ prompt: ' ', duration: '8' as never })).errors).toMatchObject({
      prompt: { message: MESSAGES[0] },
      duration: { message: MESSAGES[1] },
    });
    expect((await submit(CROWDED)).errors).toMatchObject({ images: { message: CROWDED_MESSAGE } });
  });
});

test('OpenAPI 3.1 accepts the JSON Schemas as components', async () => {
  const document = {
    openapi: '3.1.0',
    info: { title: 'Videos', version: '1.0.0' },
    paths: {
      '/videos': {
        post: {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/KlingO3StdInput' } } },
          },
          responses: { '202': { description: 'The task was started.' } },
        },
      },
    },
    components: {
      schemas: {
        KlingO1Input: inputJsonSchemas[KLING_O1],
        KlingO3StdInput: inputJsonSchemas[KLING_O3_STD],
      },
    },
  };
  expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  // The validator looks into the schemas: a wrong one is found.
  const broken = structuredClone(document) as { components: { schemas: Record<string, unknown> } };
  broken.components.schemas.KlingO1Input = { type: 'no type at all' };
  const { valid } = await new Validator().validate(broken);
  // OpenAPI 3.1 leaves schemas to their dialect: the document is held against draft 2020-12 as well.
  expect(valid && new Ajv2020().validateSchema(broken.components.schemas.KlingO1Input as object)).toBe(false);
  for (const schema of Object.values(document.components.schemas)) {
    expect(new Ajv2020().validateSchema(schema)).toBe(true);
  }
});

test("an MCP tool has the schema for language models, and reports this library's messages", async () => {
  const server = new Server({ name: 'videos', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'make_video', inputSchema: { ...models[KLING_O3_STD].toolJsonSchema } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    try {
      const text = JSON.stringify(parseInput(KLING_O3_STD, params.arguments));
      return { content: [{ type: 'text', text }] };
    } catch (error) {
      return { content: [{ type: 'text', text: String(error) }], isError: true };
    }
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  const [here, there] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(there), client.connect(here)]);

  const { tools } = await client.listTools();
  expect(tools[0]?.inputSchema).toEqual(models[KLING_O3_STD].toolJsonSchema);

  const call = async (input: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name: 'make_video', arguments: input });
    return { isError, text: (content as { text: string }[])[0]?.text ?? '' };
  };
  const good = await call(VALID);
  expect(JSON.parse(good.text)).toEqual(FILLED);
  const bad = await call(WRONG);
  expect(bad.isError).toBe(true);
  for (const message of MESSAGES) expect(bad.text).toContain(message);
  expect((await call(CROWDED)).text).toContain(CROWDED_MESSAGE);
  await client.close();
});

describe('AI SDK', () => {
  /** Runs a model that calls the tool once with this input, and gives what came of it. */
  const callWith = async (inputSchema: FlexibleSchema<KlingO3StdInput>, input: unknown) => {
    const model = new MockLanguageModelV3({
      doGenerate: {
        content: [
          { type: 'tool-call', toolCallId: '1', toolName: 'makeVideo', input: JSON.stringify(input) },
        ],
        finishReason: { unified: 'tool-calls', raw: undefined },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 1, text: 1, reasoning: 0 },
        },
        warnings: [],
      },
    });
    const makeVideo = tool({
      description: 'Makes a video.',
      inputSchema,
      execute: (request) => request,
    });
    const { toolResults, content } = await generateText({ model, prompt: 'Make one.', tools: { makeVideo } });
    const failed = content.find((part) => part.type === 'tool-error');
    return {
      shown: model.doGenerateCalls[0]?.tools?.[0],
      taken: toolResults[0]?.output,
      // The error of a rejected input is its text.
      error: typeof failed?.error === 'string' ? failed.error : '',
    };
  };

  test("a tool has the complete JSON Schema, and reports this library's messages", async () => {
    const { shown, taken } = await callWith(klingO3StdInputSchema, VALID);
    const { $schema: _, ...schema } = inputJsonSchemas[KLING_O3_STD];
    expect(shown).toMatchObject({ inputSchema: schema });
    expect(taken).toEqual(FILLED);
    const { error } = await callWith(klingO3StdInputSchema, WRONG);
    for (const message of MESSAGES) expect(error).toContain(JSON.stringify(message).slice(1, -1));
  });

  test('accepts the JSON Schema', async () => {
    const schema = jsonSchema<KlingO3StdInput>(inputJsonSchemas[KLING_O3_STD], {
      validate: (value) => {
        const result = klingO3StdInputSchema.safeParse(value);
        return result.success
          ? { success: true, value: result.data }
          : { success: false, error: result.error };
      },
    });
    expect((await callWith(schema, VALID)).taken).toEqual(FILLED);
    expect((await callWith(schema, CROWDED)).error).toContain(CROWDED_MESSAGE);
  });
});

describe('Standard Schema', () => {
  /** Any library that takes the standard does no more than this. */
  async function validate<Schema extends StandardSchemaV1>(schema: Schema, value: unknown) {
    const result = await schema['~standard'].validate(value);
    return result.issues === undefined
      ? { value: result.value as StandardSchemaV1.InferOutput<Schema> }
      : {
          messages: result.issues.map(
            ({ path, message }) => `${(path ?? []).map(String).join('.')}: ${message}`,
          ),
        };
  }

  test("validates, and reports this library's messages", async () => {
    expect(klingO3StdInputSchema['~standard']).toMatchObject({ version: 1, vendor: 'zod' });
    const { value } = await validate(klingO3StdInputSchema, VALID);
    expect(value?.aspect_ratio).toBe('16:9');
    expect(await validate(klingO3StdInputSchema, WRONG)).toEqual({
      messages: [`prompt: ${MESSAGES[0]}`, `duration: ${MESSAGES[1]}`, `: ${MESSAGES[2]}`],
    });
    expect(await validate(klingO1InputSchema, CROWDED)).toEqual({ messages: [`images: ${CROWDED_MESSAGE}`] });
  });

  test('provides its JSON Schema through the standard', () => {
    const { jsonSchema: standard } = klingO3StdInputSchema['~standard'] as unknown as {
      jsonSchema: { input: (options: { target: string }) => object };
    };
    expect(standard.input({ target: 'draft-2020-12' })).toEqual(inputJsonSchemas[KLING_O3_STD]);
  });
});

test('parseInput reports all issues in one error', () => {
  const parse = () => parseInput(KLING_O3_STD, WRONG);
  expect(parse).toThrow(InvalidInputError);
  for (const message of MESSAGES) expect(parse).toThrow(message);
  expect(klingO3StdInputObject.safeParse(CROWDED).success).toBe(true);
});
