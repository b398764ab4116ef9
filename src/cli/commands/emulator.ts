/** `emulator`: serves a local emulator of the service. */
import { once as onceEmitted } from 'node:events';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { example, numberFrom, once } from '../options.js';
import { note, print, printJson } from '../output.js';

/** How long a real task takes, roughly. */
const REAL = { queueMs: 10_000, processingMs: 80_000 };
const MODERATION_CODE = 1200;

const speed = once((value) => {
  const factor = value.trim() === '' ? Number.NaN : Number(value);
  if (!(factor > 0 && factor < Infinity)) {
    throw new InvalidArgumentError(`Got "${value}"; expected a number above 0.`);
  }
  return { queueMs: REAL.queueMs / factor, processingMs: REAL.processingMs / factor };
});

const failure = once((value) => {
  const [, percent = '', message = 'The task failed.'] = /^(\d+(?:\.\d+)?)%(?::\s*(.+))?$/s.exec(value) ?? [];
  if (percent === '' || Number(percent) > 100) {
    throw new InvalidArgumentError(
      `Got "${value}"; expected a share and a reason, such as "2%:content moderation".`,
    );
  }
  return {
    failShare: Number(percent) / 100,
    failWith: message,
    ...(/moderat/i.test(message) && { failCode: MODERATION_CODE }),
  };
});

export function emulatorCommand() {
  return new Command('emulator')
    .summary('serve an emulator of the service')
    .description('Serves an emulator of the service on this machine until Ctrl-C: try any client for free.')
    .option('--port <number>', 'port on 127.0.0.1 (default: any free one)', numberFrom(0, 'integer'))
    .option('--balance <usd>', 'balance of the account (default: 100)', numberFrom(0))
    .option(
      '--speed <factor>',
      '1: tasks take as long as real ones, about 90 s; 10: a tenth of that (default: 0.3 s)',
      speed,
    )
    .option('--per-minute <number>', 'submits within any minute; more get a 429', numberFrom(1, 'integer'))
    .option('--fail <share>', 'share of the tasks that fail, and why: "2%:content moderation"', failure)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      example(
        'emulator --port 8700 &',
        "run o1 -p 'A paper boat' -o out   # after the printed export line",
        'emulator --balance 150 --speed 10 --per-minute 500 --fail "2%:content moderation"',
      ),
    )
    .action(async ({ port, balance, speed: times, perMinute, fail, json }) => {
      const { startEmulator } = await import('../../testing/index.js');
      const options = { port, balance, perMinute, ...times, ...fail };
      const emulator = await startEmulator(options).catch((error: Error) => {
        throw new CommandError(`The emulator cannot listen: ${error.message}.`, EXIT.failed);
      });
      const { url, apiKey } = emulator;
      if (json === true) printJson({ url, api_key: apiKey });
      else print(`export WAVESPEED_BASE_URL=${url} WAVESPEED_API_KEY=${apiKey}`);
      note('The emulator is running: no network, no cost. Ctrl-C ends it.');
      if (!interrupted.aborted) await onceEmitted(interrupted, 'abort');
      await emulator.close();
    });
}
