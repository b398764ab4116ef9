// Shared by the schema tests: random inputs, valid and invalid, dense at the edges of every rule.
import * as fc from 'fast-check';
import type { DefinedModel } from 'wavespeed-kling/schemas';

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
  'https://example.com/a b.png',
  'https://exa mple.com/',
  'https://example.com/a\u00a0b',
  'https://example.com/a\u2028b',
  'https://example.com/a\u0000b',
  'https://example.com/a\u007fb',
  'https://example.com/<a>',
  'https://example.com/"a"',
  'https://example.com/{a}',
  'https://example.com/a|b',
  'https://example.com/a\\b',
  'https://example.com/a^b',
  'https://example.com/`a`',
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

/** Near the limits of 4 and 7. */
const count = fc.constantFrom(0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8);

const images = mostly(
  fc
    .tuple(count, goodImage, fc.boolean(), fc.nat(8), mostly(goodImage, badImage, 6))
    .map(([length, image, isMixed, at, other]) =>
      Array.from({ length }, (_, index) => (isMixed && index === at ? other : image)),
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

/** Makes random requests to a model as JSON values: about half of them valid. */
export function requests(model: DefinedModel): fc.Arbitrary<Record<string, unknown>> {
  const longest = Math.max(...model.durations);
  const fields: Record<string, fc.Arbitrary<unknown>> = {
    prompt: mostly(
      fc.oneof(fc.constantFrom(...NOT_BLANK), shortText),
      fc.oneof(fc.constantFrom(...BLANKS), WRONG),
    ),
    video: mostly(goodUrl, fc.oneof(badUrl, fc.constantFrom(...GOOD_DATA_URLS)), 8),
    images,
    keep_original_sound: mostly(fc.boolean(), WRONG),
    aspect_ratio: mostly(
      fc.constantFrom('16:9', '9:16', '1:1'),
      fc.oneof(WRONG, fc.constantFrom('4:3', '16:9 ', '16/9', '')),
    ),
    duration: mostly(
      fc.constantFrom(...model.durations),
      fc.oneof(fc.constantFrom<unknown>(2, 3.5, 11, longest + 1, -5, 5.000001, 1e21, '5', 2 ** 53), WRONG),
    ),
    sound: model.sound ? mostly(fc.boolean(), WRONG) : fc.boolean(),
  };
  const names = Object.keys(fields);
  const optional = names.filter((name) => name !== 'prompt' && (model.sound || name !== 'sound'));
  return fc
    .tuple(
      fc.record(fields),
      fc.nat(2 ** optional.length - 1),
      mostly(fc.constant(true), fc.constant(false)),
      mostly(fc.constant(undefined), fc.tuple(fc.oneof(fc.constantFrom(...UNKNOWN), shortText), WRONG)),
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
