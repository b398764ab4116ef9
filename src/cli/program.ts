/** The program: its commands and its exit code. */
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { EXIT, Interruption } from './exit-codes.js';
import { listenForInterrupts } from './interrupt.js';
import { flush, note, paint } from './output.js';
import { MODEL_NAMES } from './options.js';

const help = () => `
Models: ${MODEL_NAMES}, or their ids; --model-file takes any other.
Environment: WAVESPEED_API_KEY (required), WAVESPEED_BASE_URL, HTTPS_PROXY, NO_PROXY, NO_COLOR, FORCE_COLOR.
Exit codes: 0 done, 1 failed, 2 wrong usage, invalid input or over budget (nothing was sent), 3 outcome unknown,
  4 key or credit, 124 timed out, 130 interrupted.
Data goes to stdout, everything else to stderr.`;

/** The commands in the order of the help, each in a file that is loaded when it is needed. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandUnknownOpts>>> = {
  run: async () => (await import('./commands/run.js')).runCommand(),
  batch: async () => (await import('./commands/batch.js')).batchCommand(),
  wait: async () => (await import('./commands/wait.js')).waitCommand(),
  get: async () => (await import('./commands/get.js')).getCommand(),
  list: async () => (await import('./commands/list.js')).listCommand(),
  download: async () => (await import('./commands/download.js')).downloadCommand(),
  upload: async () => (await import('./commands/upload.js')).uploadCommand(),
  resolve: async () => (await import('./commands/resolve.js')).resolveCommand(),
  models: async () => (await import('./commands/models.js')).modelsCommand(),
  price: async () => (await import('./commands/price.js')).priceCommand(),
  balance: async () => (await import('./commands/balance.js')).balanceCommand(),
  spend: async () => (await import('./commands/spend.js')).spendCommand(),
  billings: async () => (await import('./commands/billings.js')).billingsCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
  emulator: async () => (await import('./commands/emulator.js')).emulatorCommand(),
  mcp: async () => (await import('./commands/mcp.js')).mcpCommand(),
};

/** Loads the command that is named, or all: the help lists them, and so does what is suggested for another name. */
async function loadCommands(name: string | undefined): Promise<CommandUnknownOpts[]> {
  const named = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return Promise.all((named === undefined ? Object.values(COMMANDS) : [named]).map((load) => load()));
}

async function createProgram(version: string, name: string | undefined) {
  const program = new Command('wavespeed-kling')
    .description(
      "Makes videos with WaveSpeed's Kling reference-to-video models: submits once, loses nothing.",
    )
    .version(version)
    .addHelpText('after', help)
    .showHelpAfterError('See --help for the usage.')
    .exitOverride();
  for (const command of await loadCommands(name)) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

export async function main(argv: readonly string[], version: string): Promise<void> {
  listenForInterrupts();
  try {
    const program = await createProgram(version, argv[2]);
    await program.parseAsync(argv);
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
  const [{ exitCodeOf }, { describe }] = await Promise.all([
    import('./exit-code-of.js'),
    import('./messages.js'),
  ]);
  const code = exitCodeOf(error);
  const isQuiet = error instanceof Interruption && error.isQuiet;
  if (!isQuiet) note(describe(error).message, paint('red', '✖'));
  return code;
}
