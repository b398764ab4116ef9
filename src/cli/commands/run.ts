/** `run`: makes one video. */
import { Command } from '@commander-js/extra-typings';
import { BudgetExceededError, fileJournal } from '../../index.js';
import type { ModelId } from '../../schemas.js';
import { createClient } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { readNames } from '../file-names.js';
import { announceInterrupt, interrupted, SUBMIT_INTERRUPTED } from '../interrupt.js';
import { loadModel } from '../load-model.js';
import { addModelFlags, readModelFlags } from '../model-flags.js';
import {
  example,
  factsOf,
  MODEL_NAMES,
  numberFrom,
  oneOf,
  parseModel,
  seconds,
  shortName,
  text,
} from '../options.js';
import { print, printJson } from '../output.js';
import { Progress } from '../progress.js';
import { readRequest, readStdin } from '../request.js';
import { followTask, printFiles, taskCallbacks, type TaskContext } from '../task.js';
import { uploadFiles } from '../upload-files.js';

export function runCommand() {
  const command = new Command('run')
    .summary('make one video')
    .description('Makes one video: checks the input, uploads local media, submits once and waits.')
    .argument('[model]', `${MODEL_NAMES}, or a model id`, parseModel)
    .requiredOption('-p, --prompt <text>', 'description of the video; - reads it from stdin', text)
    .option('-o, --output <dir>', 'download the video into this directory', text)
    .option('--max-cost <usd>', 'send nothing if the task would cost more', numberFrom(0))
    .option('--timeout <seconds>', 'how long to wait at most (default: 1800); the task continues', seconds)
    .option(
      '--idempotency-key <key>',
      'every run with the same key gets the same task; needs --journal',
      text,
    )
    .option('--journal <file>', 'file that keeps idempotency keys', text)
    .option(
      '--when-absent <action>',
      'resubmit: submit again if an interrupted submit is proven to have started no task',
      oneOf(['resubmit']),
    )
    .option('--webhook-url <url>', 'https URL that the service calls when the task ends', text)
    .option('--no-wait', 'print the id once the task is accepted')
    .option('--json', 'print one JSON object')
    .addHelpText('after', example("run o3-std -p 'A fox in the snow' --image fox.png --duration 8 -o out"));
  return addModelFlags(command).action(async (name, options) => {
    process.exitCode = await run(name, options);
  });
}

type Options = ReturnType<ReturnType<typeof runCommand>['opts']>;

async function run(name: ModelId | undefined, options: Options): Promise<number> {
  const { idempotencyKey, journal, whenAbsent, maxCost, timeout, webhookUrl, wait, output } = options;
  if ((idempotencyKey === undefined) !== (journal === undefined)) {
    throw new CommandError(
      '--idempotency-key and --journal belong together: give both, or neither.',
      EXIT.usage,
    );
  }
  if (whenAbsent !== undefined && journal === undefined) {
    throw new CommandError('--when-absent needs --idempotency-key and --journal.', EXIT.usage);
  }
  const { modelFile } = options as { modelFile?: string };
  const model = await loadModel(name, modelFile);
  const facts = factsOf(model);
  const prompt = options.prompt === '-' ? (await readStdin()).trimEnd() : options.prompt;
  const request = await readRequest(model, { ...readModelFlags(facts, options), prompt });
  const { input, cost } = request;
  // Before anything is uploaded; the client checks it again.
  if (maxCost !== undefined && cost !== undefined && cost > maxCost)
    throw new BudgetExceededError({ cost, maxCost });
  if (output !== undefined) await readNames(output);
  await using kling = await createClient(journal === undefined ? {} : { journal: fileJournal(journal) });
  announceInterrupt(SUBMIT_INTERRUPTED);
  const progress = new Progress();
  const context: TaskContext = {
    kling,
    label: shortName(facts.id),
    row: progress.row(shortName(facts.id), cost),
    directory: output,
    journaled:
      journal === undefined || idempotencyKey === undefined
        ? undefined
        : { path: journal, key: idempotencyKey },
    result: { key: idempotencyKey, model: facts.id, status: 'not_submitted', cost },
  };
  const { onSubmitted, onUpdate } = taskCallbacks(context);
  const submitOptions = {
    signal: interrupted,
    timeoutMs: timeout,
    maxCost,
    idempotencyKey,
    whenAbsent,
    webhookUrl,
    onSubmitted,
  };
  let code: number;
  try {
    code = await followTask(context, async () => {
      // With a key, the task may already exist and need no upload.
      if (idempotencyKey === undefined) await uploadFiles(kling, request.files, context.row);
      context.row.update('submitting');
      return wait
        ? kling.run(model, input, { ...submitOptions, onUpdate })
        : kling.submit(model, input, submitOptions);
    });
  } finally {
    progress.stop();
  }
  if (options.json === true) printJson(context.result);
  else if (wait) printFiles(context.result);
  else if (context.result.id !== undefined) print(context.result.id);
  return code;
}
