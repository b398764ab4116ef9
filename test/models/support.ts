// Shared by the schema tests: random inputs, valid and invalid, dense at the edges of every rule.
import { fc } from '../support/properties.js';
import { type DefinedModel, defineModel, field, type ModelField, rule } from 'wavespeed-kling/schemas';
import * as z from 'zod';

/** Ajv for draft 2020-12. Its CommonJS build gives the class under several names. */
export { Ajv2020 } from 'ajv/dist/2020.js';

const PICTURE = 'https://example.com/front.png';

export const GOOD_URLS = [
  PICTURE,
  'http://example.com',
  'HTTPS://EXAMPLE.COM/A',
  'https://example.com:443/a?b=c#d',
  'https://example.com:65535/',
  'https://user:pass@example.com/a.png',
  'https://example.com?x=1',
  'https://example.com#x',
  'https://bücher.example/straße.png',
  'https://例え.jp/画像.png?🦊=1',
  'https://example.com/a%20b.png',
  'https://example.com/%zz',
  'https://[::1]:8080/a.png',
  'https://127.0.0.1/a[1].png',
  'https://x.example/a;b,c=(d)!*~$&+',
  'https://example.com/a.png?op=w_100|q_80&t={"w":100}&q=a^b`<>',
  'https://example.com?a|b',
  'https://us|er:pa^ss@example.com/a.png',
  'https://example.com/`a`',
  'https://example.com/a^b',
  'https://example.com/a\\b',
  'https://example.com/a|b',
  'https://example.com/{a}',
  'https://example.com/"a"',
  'https://example.com/<a>',
  'https://example.com/a\u2028b',
  'https://example.com/a\u00a0b',
  'https://example.com/a b.png',
];

export const BAD_URLS = [
  '',
  ' ',
  'https://',
  'https:///a.png',
  'https://?x',
  'https://#x',
  'https:/example.com/a.png',
  'https:example.com',
  'https//example.com',
  'ttps://example.com/a.png',
  'ftp://example.com/a.png',
  'file:///a.png',
  'blob:https://example.com/1',
  'javascript:alert(1)',
  '//example.com/a.png',
  'example.com/a.png',
  ' https://example.com/a.png',
  'https://example.com/a.png ',
  'https://example.com/a.png\n',
  'https://exa mple.com/',
  'https://example.com/a\u0000b',
  'https://example.com/a\u007fb',
  'https://example.com:65536/',
  'https://example.com:99999/',
  'https://example.com:port/',
  'https://example.com:-1/',
  'https://example.com:123456/',
  'https://:443/',
  'https://@/',
  'https://user@/a.png',
  'https://a@b@c/',
  'https://[::1/a.png',
  'https://::1]/a.png',
  'https://[]/a.png',
  'https://[not-v6]/a.png',
  'https://exa%6dple.com/',
];

export const GOOD_DATA_URLS = [
  'data:image/png;base64,iVBORw0KGgo=',
  'data:image/jpeg;base64,/9j/4AAQ',
  'DATA:IMAGE/PNG;BASE64,QQ==',
  'data:image/svg+xml;base64,PHN2Zz4=',
  'data:image/vnd.microsoft.icon;base64,AAAB',
];

export const BAD_DATA_URLS = [
  'data:',
  'data:image/png;base64,',
  'data:image/png,iVBORw0KGgo=',
  'data:image/;base64,iVBORw0KGgo=',
  'data:;base64,iVBORw0KGgo=',
  'data:text/plain;base64,QQ==',
  'data:video/mp4;base64,QQ==',
  'data:image/png;charset=utf-8;base64,QQ==',
  'data:image/png;base64,QQ===',
  'data:image/png;base64,Q Q=',
  'data:image/png;base64,QQ==\n',
  'data:image/png;base64,Q-_Q',
  'data:image/png;base64,%41',
  'data:image/png;base64,é',
];

/** White space as ECMAScript counts it; U+200B and U+180E are not. */
export const BLANKS = [
  '',
  ' ',
  '\t',
  '\n\r\f\v',
  '\u00a0',
  '\u1680\u2003\u202f\u205f\u3000',
  '\u2028\u2029',
  '\ufeff',
];
export const NOT_BLANK = ['a', ' a ', '\u200b', '\u180e', '\u0000', '🦊', '\ud83d', '.', '\ufeffa'];

/** What is wrong for every field. Nothing here but JSON. */
const WRONG = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -0,
  1,
  5,
  1.5,
  '',
  '5',
  'true',
  [],
  [null],
  {},
  { a: 1 },
);

/** Takes mostly the first, at times the second: most requests shall have one thing wrong, not all. */
const mostly = <Good, Bad>(good: fc.Arbitrary<Good>, bad: fc.Arbitrary<Bad>, weight = 24) =>
  fc.oneof({ weight, arbitrary: good }, { weight: 1, arbitrary: bad });

/** Builds near-URLs out of a URL's parts, right and wrong. */
const nearUrl = fc
  .tuple(
    fc.constantFrom('http', 'https', 'HTTPS', 'htTp', 'ftp', 'data', ''),
    fc.constantFrom('://', '://', '://', ':/', ':', '//', ':///'),
    fc.constantFrom('', '', '', 'user@', 'user:pass@', '@', 'a@b@', 'u%40@', ':@'),
    fc.constantFrom(
      'example.com',
      'localhost',
      '[::1]',
      '[',
      ']',
      '',
      'a b',
      'exa%41mple',
      'é.com',
      '🦊',
      '-',
      '.',
      'a\ud800',
    ),
    fc.constantFrom(
      '',
      '',
      '',
      ':',
      ':0',
      ':443',
      ':65535',
      ':65536',
      ':70000',
      ':99999',
      ':x',
      ':000080',
      '::1',
    ),
    fc.constantFrom(
      '',
      '/',
      '/a',
      '?',
      '#',
      '/%zz',
      '/%',
      '/a b',
      '/é',
      '/\t',
      '/\u00a0',
      '/[x]',
      '/{x}',
      '\\',
      '/a@b',
      '\n',
      '/\u0001',
    ),
  )
  .map((parts) => parts.join(''));

const shortText = fc.string({ maxLength: 8 });
const anyText = fc.oneof(nearUrl, shortText, fc.string({ unit: 'binary', maxLength: 6 }));
const goodUrl = fc.constantFrom(...GOOD_URLS);
const badUrl = fc.oneof(fc.constantFrom(...BAD_URLS), anyText, WRONG);
const goodImage = fc.oneof(
  { weight: 4, arbitrary: goodUrl },
  { weight: 1, arbitrary: fc.constantFrom(...GOOD_DATA_URLS) },
);
const badImage = fc.oneof(fc.constantFrom(...BAD_DATA_URLS), badUrl);

/** Near a limit. */
const countNear = (max: number) =>
  fc.constantFrom(
    ...[0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, max - 1, max, max, max + 1].filter(
      (count) => count >= 0 && count <= max + 1,
    ),
  );

const listOf = (max: number, good: fc.Arbitrary<unknown>, bad: fc.Arbitrary<unknown>) =>
  mostly(
    fc
      .tuple(countNear(max), good, fc.boolean(), fc.nat(8), mostly(good, bad, 6))
      .map(([length, one, isMixed, at, other]) =>
        Array.from({ length }, (_, index) => (isMixed && index === at ? other : one)),
      ),
    WRONG,
  );

const UNKNOWN = [
  'sound',
  'Prompt',
  'prompt ',
  'aspectRatio',
  'duraton',
  'seed',
  '',
  '__proto__',
  'constructor',
  'toString',
  'prototype',
  'image',
  '0',
];

/** Prompts that name files, existing ones and others. */
const mention = fc
  .tuple(
    fc.constantFrom('', 'A fox like ', '@'),
    fc.constantFrom('@Image', '@Video', '@Audio', '@image', '@Images', 'Image', '@'),
    fc.oneof(
      fc.nat(12),
      fc.constantFrom('', '0', '00', '01', '010', '1a', '1 @Video1', '999999999999999999999'),
    ),
    fc.constantFrom('', ' runs', '.', '0', '@Image2', '\u0661'),
  )
  .map((parts) => parts.join(''));

function valueOf(name: string, field: ModelField): fc.Arbitrary<unknown> {
  const { type, media, values, maxItems = 12 } = field;
  if (name === 'prompt') {
    return mostly(
      fc.oneof(fc.constantFrom(...NOT_BLANK), shortText, mention),
      fc.oneof(fc.constantFrom(...BLANKS), WRONG),
    );
  }
  if (type === 'array') {
    return media === 'image'
      ? listOf(maxItems, goodImage, badImage)
      : listOf(maxItems, goodUrl, fc.oneof(badUrl, fc.constantFrom(...GOOD_DATA_URLS)));
  }
  if (media !== undefined) return mostly(goodUrl, fc.oneof(badUrl, fc.constantFrom(...GOOD_DATA_URLS)), 8);
  if (type === 'boolean') return mostly(fc.boolean(), WRONG);
  if (type === 'integer') {
    const longest = Math.max(...(values ?? []).map(Number));
    return mostly(
      fc.constantFrom(...(values ?? [])),
      fc.oneof(fc.constantFrom<unknown>(2, 3.5, 11, longest + 1, -5, 5.000001, 1e21, '5', 2 ** 53), WRONG),
    );
  }
  return mostly(
    fc.constantFrom(...(values ?? [])),
    fc.oneof(WRONG, fc.constantFrom('4:3', '16:9 ', '16/9', '', '720p', '1080p', 'hdr')),
  );
}

/** Makes random requests to a model as JSON values: about half of them valid. */
export function requests(model: DefinedModel): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(model.fields).map(([name, field]) => [name, valueOf(name, field)]),
  );
  const optional = Object.keys(fields).filter((name) => name !== 'prompt');
  return fc
    .tuple(
      fc.record(fields),
      fc.nat(2 ** optional.length - 1),
      mostly(fc.constant(true), fc.constant(false)),
      mostly(
        fc.constant(undefined),
        fc.tuple(fc.oneof(fc.constantFrom(...UNKNOWN.filter((name) => !(name in fields))), shortText), WRONG),
      ),
    )
    .map(([all, present, hasPrompt, unknown]) => {
      const request: Record<string, unknown> = hasPrompt ? { prompt: all.prompt } : {};
      for (const [bit, name] of optional.entries()) if (present & (1 << bit)) request[name] = all[name];
      // Not `request[key] =`: it would set the prototype for "__proto__", which JSON.parse does not.
      if (unknown !== undefined) {
        Object.defineProperty(request, unknown[0], {
          value: unknown[1],
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
      return request;
    });
}

/** Facts of a model like Kling O1 and O3 Standard. */
export interface ReferenceFacts<Duration extends number = number, Id extends string = string> {
  id?: Id;
  durations: readonly Duration[];
  images: number;
  imagesWithVideo: number;
  sound: boolean;
  /** US dollars per second. */
  price: { images: number; video: number };
}

/** Makes a model like Kling O1 and O3 Standard. */
export function referenceModel<
  const Duration extends number,
  const Id extends string = 'kwaivgi/another/reference-to-video',
>(facts: ReferenceFacts<Duration, Id>) {
  const { durations, images, imagesWithVideo, sound, price } = facts;
  return defineModel({
    id: facts.id ?? ('kwaivgi/another/reference-to-video' as Id),
    input: {
      prompt: field.prompt(),
      video: field.video(),
      images: field.images({ max: images, default: [] }),
      keep_original_sound: z.boolean().default(true),
      aspect_ratio: z.enum(['16:9', '9:16', '1:1']).default('16:9'),
      duration: field.seconds(durations),
      // The type says that it is there; without it the field is refused.
      ...((sound ? { sound: z.boolean().default(false) } : {}) as { sound: z.ZodDefault<z.ZodBoolean> }),
    },
    rules: [rule.maxWith('images', imagesWithVideo, 'video')],
    price: ({ duration, video }) => duration * (video === undefined ? price.images : price.video),
  });
}
