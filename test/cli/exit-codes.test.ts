// The exit codes of the built command, and what it prints where for each.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasStack, IMAGE, parseLines, setUp } from './support.js';

const RESUME = /wavespeed-kling wait ([0-9a-f]+) -o out/;

describe.concurrent('0: done', () => {
  test('run prints the URL of the output on stdout and everything else on stderr', async () => {
    const { run, submits, emulator } = await setUp();
    const { code, stdout, stderr } = await run(['run', 'o1', '-p', 'A fox']);
    const id = emulator.account.tasks[0]?.id;
    expect(stdout).toBe(`${emulator.url}/outputs/${id}/1.mp4\n`);
    expect(stderr).toContain(`accepted; to resume: wavespeed-kling wait ${id} -o out`);
    expect(stderr.match(/o1 completed/g)).toHaveLength(1);
    expect([code, submits()]).toEqual([0, 1]);
  });

  test('run -o downloads the video and prints its path', async () => {
    const { run, directory, emulator } = await setUp();
    const { code, stdout } = await run(['run', 'o3-std', '-p', 'A fox', '-o', 'videos']);
    const id = emulator.account.tasks[0]?.id;
    expect([code, stdout]).toEqual([0, `${join(directory, 'videos', `${id}-1.mp4`)}\n`]);
    expect(existsSync(stdout.trim())).toBe(true);
  });

  test('run --no-wait prints the id, and wait -o takes the task up, twice as well as once', async () => {
    const { run, submits } = await setUp();
    const { code, stdout } = await run(['run', 'o1', '-p', 'A fox', '--no-wait']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f]+\n$/)]);
    const first = await run(['wait', stdout.trim(), '-o', 'out']);
    const second = await run(['wait', stdout.trim(), '-o', 'out']);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(second.stdout).toBe(first.stdout);
    expect(submits()).toBe(1);
  });

  test('run sends what the flags say, and reads the prompt from stdin', async () => {
    const { run, emulator } = await setUp();
    const flags = ['--image', 'https://example.com/a.png', '--image', 'https://example.com/b.png'];
    const more = ['--duration', '8', '--aspect-ratio', '9:16', '--sound', '--no-keep-original-sound'];
    const { code } = await run(['run', 'o3-std', '-p', '-', ...flags, ...more], {
      stdin: 'A fox\nin snow\n',
    });
    expect(code).toBe(0);
    expect(emulator.account.tasks[0]?.input).toEqual({
      prompt: 'A fox\nin snow',
      images: ['https://example.com/a.png', 'https://example.com/b.png'],
      duration: 8,
      aspect_ratio: '9:16',
      sound: true,
      keep_original_sound: false,
    });
  });
});

describe.concurrent('1: failed', () => {
  test('a failed task: nothing on stdout, the reason and the id on stderr', async () => {
    const { run, emulator, submits } = await setUp({ failWith: 'the content was not allowed' });
    const { code, stdout, stderr } = await run(['run', 'o1', '-p', 'A fox', '-o', 'out']);
    expect([code, stdout, submits()]).toEqual([1, '', 1]);
    expect(stderr).toContain('the content was not allowed');
    expect(stderr).toContain(emulator.account.tasks[0]?.id);
    expect(hasStack(stderr)).toBe(false);
  });

  test('--json prints a failed task as an object', async () => {
    const { run, emulator } = await setUp({ failWith: 'no' });
    const { code, stdout } = await run(['run', 'o1', '-p', 'A fox', '--json']);
    expect(code).toBe(1);
    expect(parseLines(stdout)).toEqual([
      {
        id: emulator.account.tasks[0]?.id,
        model: 'kwaivgi/kling-video-o1/reference-to-video',
        status: 'failed',
        cost: 0.56,
        error: { name: 'PredictionFailedError', message: expect.stringContaining('no') },
      },
    ]);
  });

  test('an unknown id', async () => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run(['get', 'nothing-of-this-name']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/404/);
  });

  test('a download that fails names the line that repeats it', async () => {
    const { run, emulator, submits } = await setUp();
    emulator.fail({ on: 'output', kind: 'status', status: 400, times: Infinity });
    const { code, stdout, stderr } = await run(['run', 'o1', '-p', 'A fox', '-o', 'out']);
    expect([code, stdout, submits()]).toEqual([
      1,
      `${emulator.url}/outputs/${emulator.account.tasks[0]?.id}/1.mp4\n`,
      1,
    ]);
    expect(stderr).toMatch(RESUME);
  });

  test('a port that nobody listens on: a sentence, nothing was submitted', async () => {
    const { run, emulator } = await setUp();
    await emulator.refuseConnections();
    const { code, stderr } = await run(['balance']);
    expect(code).toBe(1);
    expect(stderr).toContain('ECONNREFUSED');
    expect(hasStack(stderr)).toBe(false);
  });
});

describe.concurrent('2: wrong usage, invalid input, over budget; nothing was sent', () => {
  test.for([
    [
      'an unknown flag, with a suggestion',
      ['run', 'o1', '-p', 'x', '--max-cots', '1'],
      /Did you mean --max-cost/,
    ],
    ['an unknown command, with a suggestion', ['rnu'], /Did you mean run/],
    ['a flag given twice', ['run', 'o1', '-p', 'x', '--duration', '5', '--duration', '9'], /more than once/],
    ['an unknown model', ['run', 'o9', '-p', 'x'], /expected o1, o1-std, .* or a model's id/],
    ['no prompt', ['run', 'o1'], /--prompt/],
    ['a surplus argument', ['run', 'o1', 'A fox', '-p', 'x'], /too many arguments/],
    ['a duration that the model does not make', ['run', 'o1', '-p', 'x', '--duration', '11'], /from 3 to 10/],
    ['a duration that is no number', ['run', 'o1', '-p', 'x', '--duration', 'long'], /whole number/],
    ['sound of a model without it', ['run', 'o1', '-p', 'x', '--sound'], /sound/],
    [
      'a file that is not there',
      ['run', 'o1', '-p', 'x', '--image', 'no.png'],
      /no\.png: there is no such file/,
    ],
    ['a key without a journal', ['run', 'o1', '-p', 'x', '--idempotency-key', 'k'], /--journal/],
    [
      'a directory for the video that is a file',
      ['run', 'o1', '-p', 'x', '-o', IMAGE],
      /--output: ENOTDIR.*Nothing was sent/,
    ],
    [
      '--when-absent of a run without a journal',
      ['run', 'o1', '-p', 'x', '--when-absent', 'resubmit'],
      /needs --idempotency-key and --journal/,
    ],
    [
      '--when-absent of a batch without a journal',
      ['batch', 'b.jsonl', '--when-absent', 'resubmit'],
      /needs --journal/,
    ],
    ['over budget', ['run', 'o1', '-p', 'x', '--max-cost', '0.5'], /\$0\.56.*\$0\.5;.* raise --max-cost/],
    ['no command at all', [], /Usage: wavespeed-kling/],
  ] as const)('%s', async ([, args, message]) => {
    const { run, emulator } = await setUp();
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(hasStack(stderr)).toBe(false);
    expect(emulator.requests).toEqual([]);
  });

  test('an image that is not one: nothing is submitted', async () => {
    const { run, submits, write } = await setUp();
    const { code, stderr } = await run(['run', 'o1', '-p', 'x', '--image', write('notes.png', ['text'])]);
    expect([code, submits()]).toEqual([2, 0]);
    expect(stderr).toContain('notes.png');
  });
});

describe.concurrent('3: outcome unknown', () => {
  test('lists the task that it may be, and the line that takes it up; one submit', async () => {
    const { run, emulator, submits } = await setUp();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    const { code, stdout, stderr } = await run(['run', 'o1', '-p', 'A fox']);
    const id = emulator.account.tasks[0]?.id;
    expect([code, stdout, submits()]).toEqual([3, '', 1]);
    expect(stderr).toMatch(new RegExp(`${id} .*same input`));
    expect(stderr).toContain(`To resume: wavespeed-kling wait ${id} -o out`);
  });

  test('tasks with another input are counted, and it says what to do', async () => {
    const { run, emulator } = await setUp({ listInputs: 'input' });
    await run(['run', 'o1', '-p', 'A boat', '--no-wait']);
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: false });
    const { code, stderr } = await run(['run', 'o1', '-p', 'A fox']);
    expect(code).toBe(3);
    expect(stderr).not.toContain(emulator.account.tasks[0]?.id);
    expect(stderr).toContain('with another input: 1 task, see `wavespeed-kling list`.');
    expect(stderr).toMatch(/shows no task that the submit may have started\..* before you run it again/);
  });

  test('--json has the candidates', async () => {
    const { run, emulator } = await setUp();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'request', accepted: true });
    const { code, stdout } = await run(['run', 'o1', '-p', 'A fox', '--json']);
    expect(code).toBe(3);
    expect(parseLines(stdout)).toMatchObject([
      {
        status: 'unknown',
        error: {
          name: 'SubmissionUnknownError',
          candidates: [{ id: emulator.account.tasks[0]?.id, exact_match: true }],
        },
      },
    ]);
  });
});

describe.concurrent('4: key or credit', () => {
  test('no key: no request', async () => {
    const { run, emulator } = await setUp();
    const { code, stderr } = await run(['balance'], { env: { WAVESPEED_API_KEY: '' } });
    expect([code, emulator.requests.length]).toEqual([4, 0]);
    expect(stderr).toContain('WAVESPEED_API_KEY');
  });

  test('a key that no header can carry: it is not printed', async () => {
    const { run, emulator } = await setUp();
    const { code, stderr } = await run(['balance'], { env: { WAVESPEED_API_KEY: 'geheim\u00fc' } });
    expect([code, emulator.requests.length]).toEqual([4, 0]);
    expect(stderr).not.toContain('geheim');
  });

  test.each([
    ['"secret"', 'WAVESPEED_API_KEY is in quotes; expected the key alone.'],
    ['Bearer secret', 'WAVESPEED_API_KEY begins with "Bearer"; expected the key alone.'],
    ['WAVESPEED_API_KEY=secret', 'WAVESPEED_API_KEY begins with "NAME="; expected the key alone.'],
    ['a secret', 'not printable ASCII; expected the key from https://wavespeed.ai/accesskey.'],
  ])('a key written as %s: says what is wrong, and does not print it', async (key, message) => {
    const { run, emulator } = await setUp();
    const { code, stderr } = await run(['balance'], { env: { WAVESPEED_API_KEY: key } });
    expect([code, emulator.requests.length]).toEqual([4, 0]);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('secret');
  });

  test('a wrong key: one request', async () => {
    const { run, emulator } = await setUp({ apiKey: 'right' });
    const { code, stderr } = await run(['run', 'o1', '-p', 'x'], { env: { WAVESPEED_API_KEY: 'wrong-key' } });
    expect([code, emulator.requests.length]).toEqual([4, 1]);
    expect(stderr).not.toContain('wrong-key');
  });

  test('too little credit', async () => {
    const { run, emulator } = await setUp({ balance: 0.1 });
    const { code, stderr } = await run(['run', 'o1', '-p', 'x']);
    expect([code, emulator.account.tasks.length]).toEqual([4, 0]);
    expect(stderr).toMatch(/credit|balance/i);
  });
});

describe.concurrent('124: timed out', () => {
  test('waiting: names the task and the line that resumes it', async () => {
    const { run, emulator, directory } = await setUp({ processingMs: 600_000 });
    const id = (await run(['run', 'o1', '-p', 'x', '--no-wait'])).stdout.trim();
    const { code, stdout, stderr } = await run(['wait', id, '--timeout', '0.1', '-o', 'my videos', '--json']);
    expect([code, emulator.account.tasks[0]?.id, readdirSync(directory)]).toEqual([124, id, []]);
    expect(parseLines(stdout)).toMatchObject([{ id, error: { name: 'WaitTimeoutError' } }]);
    expect(stderr).toContain(`to resume: wavespeed-kling wait ${id} -o 'my videos'`);
  });

  test.each([[], ['--no-wait']])('before the submit: nothing is sent %j', async (...flags) => {
    const { run, submits } = await setUp();
    const { code, stderr } = await run(['run', 'o1', '-p', 'x', '--timeout', '0.001', ...flags]);
    expect([code, submits()]).toEqual([124, 0]);
    expect(stderr).toContain('nothing was submitted');
  });
});
