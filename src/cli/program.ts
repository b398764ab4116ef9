/** The program: its commands and its exit code. */
import { Command, CommanderError } from '@commander-js/extra-typings';
import { balanceCommand } from './commands/balance.js';
import { batchCommand } from './commands/batch.js';
import { billingsCommand } from './commands/billings.js';
import { doctorCommand } from './commands/doctor.js';
import { downloadCommand } from './commands/download.js';
import { emulatorCommand } from './commands/emulator.js';
import { getCommand } from './commands/get.js';
import { listCommand } from './commands/list.js';
import { mcpCommand } from './commands/mcp.js';
import { modelsCommand } from './commands/models.js';
import { priceCommand } from './commands/price.js';
import { resolveCommand } from './commands/resolve.js';
import { runCommand } from './commands/run.js';
import { spendCommand } from './commands/spend.js';
import { uploadCommand } from './commands/upload.js';
import { waitCommand } from './commands/wait.js';
import { EXIT, exitCodeOf, Interruption } from './exit-codes.js';
import { listenForInterrupts } from './interrupt.js';
import { flush, note, paint } from './output.js';
import { MODEL_NAMES } from './options.js';
import { describe } from './messages.js';

const HELP = `
Models: ${MODEL_NAMES}, or their ids; --model-file takes any other.
Environment: WAVESPEED_API_KEY (required), WAVESPEED_BASE_URL, HTTPS_PROXY, NO_PROXY, NO_COLOR, FORCE_COLOR.
Exit codes: 0 done, 1 failed, 2 wrong usage, invalid input or over budget (nothing was sent), 3 outcome unknown,
  4 key or credit, 124 timed out, 130 interrupted.
Data goes to stdout, everything else to stderr.`;

function createProgram(version: string) {
  const program = new Command('wavespeed-kling')
    .description(
      "Makes videos with WaveSpeed's Kling reference-to-video models: submits once, loses nothing.",
    )
    .version(version)
    .addHelpText('after', HELP)
    .showHelpAfterError('See --help for the usage.')
    .exitOverride();
  const commands = [
    runCommand(),
    batchCommand(),
    waitCommand(),
    getCommand(),
    listCommand(),
    downloadCommand(),
    uploadCommand(),
    resolveCommand(),
    modelsCommand(),
    priceCommand(),
    balanceCommand(),
    spendCommand(),
    billingsCommand(),
    doctorCommand(),
    emulatorCommand(),
    mcpCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

export async function main(argv: readonly string[], version: string): Promise<void> {
  listenForInterrupts();
  try {
    await createProgram(version).parseAsync(argv);
  } catch (error) {
    process.exitCode = await report(error);
  }
  await flush();
  // Do not wait for open handles, such as a pipe on stdin.
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit();
}

async function report(error: unknown): Promise<number> {
  // commander has already printed it.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const code = exitCodeOf(error);
  const isQuiet = error instanceof Interruption && error.isQuiet;
  if (!isQuiet) note(describe(error).message, paint('red', '✖'));
  return code;
}
