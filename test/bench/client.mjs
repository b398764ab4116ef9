// One measurement of one client, in a process of its own. Usage: client.mjs <what> <client> <url> <count>
// @ts-nocheck: what goes between processes has no types.
import { setTimeout } from 'node:timers/promises';
import { report } from './report.mjs';

const [what, name, url, given] = process.argv.slice(2);
const count = Number(given);
const apiKey = 'benchmark-key';
const MODEL = 'kwaivgi/kling-video-o3-std/reference-to-video';
const input = { prompt: 'A fox in the snow' };
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function makeKling(options = {}) {
  const { WaveSpeedKling } = await import('wavespeed-kling');
  const kling = new WaveSpeedKling({ apiKey, baseUrl: url, ...options });
  return {
    run: async () => (await kling.run(MODEL, input)).outputs[0],
    submit: async () => (await kling.submit(MODEL, input)).id,
    poll: (id) => kling.get(id),
  };
}

/** The same three calls of each client. */
const clients = {
  'wavespeed-kling': () => makeKling(),
  'wavespeed-kling with fetch': () => makeKling({ fetch: globalThis.fetch }),
  async wavespeed() {
    // CommonJS: Node gives its exports as the default.
    const { Client } = (await import('wavespeed')).default;
    const client = new Client(apiKey, { baseUrl: url });
    return {
      run: async () => String((await client.run(MODEL, input)).outputs[0]),
      submit: async () => (await client._submit(MODEL, input))[0],
      poll: (id) => client._getResult(id),
    };
  },
  async undici() {
    const { Agent, request } = await import('undici');
    const dispatcher = new Agent();
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const call = async (path, method, body) => {
      const response = await request(`${url}/api/v3/${path}`, { method, headers, body, dispatcher });
      return (await response.body.json()).data;
    };
    const submit = async () => (await call(MODEL, 'POST', JSON.stringify(input))).id;
    const poll = (id) => call(`predictions/${id}/result`, 'GET');
    const run = async () => {
      const id = await submit();
      for (;;) {
        await setTimeout(1000);
        const { status, outputs } = await poll(id);
        if (status === 'completed') return outputs[0];
      }
    };
    return { run, submit, poll };
  },
};

/** Times a call, one after the other. */
async function time(call) {
  for (let warmUp = 0; warmUp < count; warmUp++) await call();
  const [started, cpu] = [performance.now(), cpuMs()];
  for (let done = 0; done < count; done++) await call();
  return { us: ((performance.now() - started) / count) * 1000, cpuUs: ((cpuMs() - cpu) / count) * 1000 };
}

const measurements = {
  async run({ run }) {
    const noticed = await Promise.all(
      Array.from({ length: count }, async () => [(await run()).split('/').at(-2), Date.now()]),
    );
    return { noticed };
  },
  async poll({ submit, poll }) {
    const id = await submit();
    return time(() => poll(id));
  },
  async submit({ submit }) {
    return time(submit);
  },
};

report(await measurements[what](await clients[name]()));
process.exit();
