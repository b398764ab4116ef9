/** `run`: makes one video. */
import { Command } from '@commander-js/extra-typings';
import { BudgetExceededError, fileJournal } from '../../index.js';
import { ASPECT_RATIOS, type ModelId } from '../../schemas.js';
import { createClient } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { announceInterrupt, interrupted, SUBMIT_INTERRUPTED } from '../interrupt.js';
import { collect, example, numberFrom, oneOf, parseModel, seconds, shortName, text } from '../options.js';
import { print, printJson } from '../output.js';
import { Progress } from '../progress.js';
import { readRequest, readStdin } from '../request.js';
import { followTask, printFiles, taskCallbacks, type TaskContext } from '../task.js';
import { uploadFiles } from '../upload-files.js';

export function runCommand() {
  return new Command('run')
    .summary('make one video')
    .description('Makes one video: checks the input, uploads local media, submits once and waits.')
    .argument('<model>', 'o1, o3-std, or a model id', parseModel)
    .requiredOption('-p, --prompt <text>', 'what the video shall show; - reads it from stdin', text)
    .option('--image <file|url>', 'reference image; may be repeated', collect)
    .option('--video <file|url>', 'reference video', text)
    .option('--duration <seconds>', 'length of the video', numberFrom(1, 'integer'))
    .option('--aspect-ratio <ratio>', ASPECT_RATIOS.join(', '), oneOf(ASPECT_RATIOS))
    .option('--sound', 'make sound (o3-std)')
    .option('--no-keep-original-sound', "drop the reference video's own sound")
    .option('-o, --output <dir>', 'download the video into this directory', text)
    .option('--max-cost <usd>', 'send nothing if the task would cost more', numberFrom(0))
    .option('--timeout <seconds>', 'how long to wait at most (default: 1800); the task continues', seconds)
    .option('--idempotency-key <key>', 'run again with the same key: the same task; needs --journal', text)
    .option('--journal <file>', 'file that keeps idempotency keys', text)
    .option(
      '--when-absent <action>',
      'after an interrupted submit that the history does not show: resubmit',
      oneOf(['resubmit']),
    )
    .option('--webhook-url <url>', 'https URL that the service calls when the task ends', text)
    .option('--no-wait', 'print the id once the task is accepted')
    .option('--json', 'print one JSON object')
    .addHelpText('after', example("run o3-std -p 'A fox in the snow' --image fox.png --duration 8 -o out"))
    .action(async (model, options) => {
      process.exitCode = await run(model, options);
    });
}

type Options = ReturnType<ReturnType<typeof runCommand>['opts']>;

async function run(model: ModelId, options: Options): Promise<number> {
  const { idempotencyKey, journal, whenAbsent, maxCost, timeout, webhookUrl, wait, output } = options;
  if ((idempotencyKey === undefined) !== (journal === undefined)) {
    throw new CommandError(
      '--idempotency-key and --journal belong together: give both, or neither.',
      EXIT.usage,
    );
  }
  const request = await readRequest(model, await readFields(options));
  const { input, cost } = request;
  // Before anything is uploaded; the client checks it again.
  if (maxCost !== undefined && cost > maxCost) throw new BudgetExceededError({ cost, maxCost });
  await using kling = await createClient(journal === undefined ? {} : { journal: fileJournal(journal) });
  announceInterrupt(SUBMIT_INTERRUPTED);
  const progress = new Progress();
  const context: TaskContext = {
    kling,
    label: shortName(model),
    row: progress.row(shortName(model), cost),
    directory: output,
    journaled:
      journal === undefined || idempotencyKey === undefined
        ? undefined
        : { path: journal, key: idempotencyKey },
    result: { key: idempotencyKey, model, status: 'not_submitted', cost },
  };
  const { onSubmitted, onUpdate } = taskCallbacks(context);
  const submitOptions = {
    signal: interrupted,
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
        ? kling.run(model, input, { ...submitOptions, timeoutMs: timeout, onUpdate })
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

async function readFields(options: Options): Promise<Record<string, unknown>> {
  const { prompt, image, video, duration, aspectRatio, sound, keepOriginalSound } = options;
  return {
    prompt: prompt === '-' ? (await readStdin()).trimEnd() : prompt,
    ...(image !== undefined && { images: image }),
    ...(video !== undefined && { video }),
    ...(duration !== undefined && { duration }),
    ...(aspectRatio !== undefined && { aspect_ratio: aspectRatio }),
    ...(sound !== undefined && { sound }),
    ...(!keepOriginalSound && { keep_original_sound: false }),
  };
}
