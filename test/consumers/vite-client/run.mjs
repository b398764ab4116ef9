// Runs the built bundle with the globals of a browser, none of Node's, and submits its result.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { createContext, runInContext } from 'node:vm';

const files = (await readdir('dist/assets')).filter((name) => name.endsWith('.js'));
assert.equal(files.length, 1);
const bundle = await readFile(`dist/assets/${files[0]}`, 'utf8');
assert.ok(!/\bnode:|\brequire\(/.test(bundle), 'the bundle uses Node');
assert.ok(bundle.length < 150_000, `the bundle has ${bundle.length} characters`);

const document = {
  createElement: () => ({ relList: { supports: () => true } }),
  querySelectorAll: () => [],
};
const page = createContext({ URL, console, document });
page.window = page.self = page;
runInContext(`(function () {${bundle.replace(/export\s*\{[^}]*\};?\s*$/, '')}})()`, page);
assert.equal(page.check({ prompt: ' ' }).issues.length, 1);
const { data, price } = page.check({ prompt: 'A fox', duration: 3 });
assert.equal(price, 0.252);

const response = await fetch(
  `${process.env.WAVESPEED_BASE_URL}/api/v3/kwaivgi/kling-video-o3-std/reference-to-video`,
  {
    method: 'POST',
    headers: { authorization: `Bearer ${process.env.WAVESPEED_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(data),
  },
);
assert.equal(response.status, 200);
