// The recipes of docs/scaling.md for Inngest and Temporal, as they are printed there, in the test runtimes of both.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { InngestTestEngine } from '@inngest/test';
import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Inngest } from 'inngest';
import { isTerminal, KLING_O1, WaveSpeedKling } from 'wavespeed-kling';
import { sqlJournal, sqlSchema } from 'wavespeed-kling/sql';

const page = readFileSync('node_modules/wavespeed-kling/docs/scaling.md', 'utf8');

/** Runs the code under a heading, which may use the names. */
function runSnippet(heading, names, result) {
  const section = page.slice(page.indexOf(`\n${heading}\n`)).split(/\n##+ /)[1] ?? '';
  const code = /^```js\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? assert.fail(`no code under ${heading}`);
  const AsyncFunction = (async () => undefined).constructor;
  const body = `${code.replace(/^export /gm, '')}\nreturn ${result};`;
  return new AsyncFunction(...Object.keys(names), body)(...Object.values(names));
}

const pool = await PGlite.create();
/** The first poll after each submit fails, so that the engine's first attempt fails after its task was accepted. */
let hasFailed = new Set();
const fetch = async (url, init) => {
  const id = /predictions\/([^/]+)\/result/.exec(url)?.[1];
  if (id === undefined || hasFailed.has(id)) return globalThis.fetch(url, init);
  hasFailed.add(id);
  return Response.json({ code: 401, message: 'the key was revoked' }, { status: 401 });
};
class Client extends WaveSpeedKling {
  constructor(options) {
    super({ pollIntervalMs: 20, fetch, ...options });
  }
}
const names = { pool, sqlJournal, sqlSchema, WaveSpeedKling: Client };
const kling = await runSnippet('## The same journal elsewhere', names, 'kling');
const input = { prompt: 'A fox in the snow' };

const inngest = new Inngest({ id: 'app', isDev: true });
const makeVideo = await runSnippet('### Inngest', { inngest, kling, isTerminal }, 'makeVideo');
const events = [{ name: 'video/requested', data: { orderId: 'order-1', model: KLING_O1, input } }];
// The pauses take 20 ms.
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
const steps = () => Array.from({ length: 200 }, (_, turn) => ({ id: `pause-${turn + 1}`, handler: pause }));
const execute = () =>
  new InngestTestEngine({ function: makeVideo, events: structuredClone(events), steps: steps() }).execute();
assert.match((await execute()).error.message, /revoked/);
assert.match((await execute()).result[0], /^http/);

const activity = await runSnippet('### Temporal', { Context, kling }, 'makeVideo');
const attempt = () => new MockActivityEnvironment().run(activity, { model: KLING_O1, input });
await assert.rejects(attempt(), /revoked/);
assert.match((await attempt())[0], /^http/);

await kling.close();
await pool.close();
