/** `mcp`: serves the tools for agents, with a budget. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { fileJournal, memoryJournal } from '../../index.js';
import { createClient, hasKey } from '../client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { interrupted } from '../interrupt.js';
import { collect, example, numberFrom, text } from '../options.js';
import { note } from '../output.js';

const HELP = `
Tools: list_models, price_video, start_video, check_video, download_video, list_videos. start_video needs the price that
price_video returned. With --journal, an agent that repeats a call, also after a restart, gets the same video and pays
once, and --max-cost counts all that the journal's processes spent on the same day (UTC).
In the settings of a client:
  { "mcpServers": { "kling": { "command": "npx", "args": ["wavespeed-kling", "mcp", "--max-cost", "5",
    "--journal", "/path/kling.journal", "--allow", "/path/images"], "env": { "WAVESPEED_API_KEY": "…" } } } }`;

export function mcpCommand() {
  return new Command('mcp')
    .summary('serve tools for agents on stdio, with a budget')
    .description('Serves tools for agents (Model Context Protocol) on stdin and stdout, with a budget.')
    .requiredOption(
      '--max-cost <usd>',
      'budget of this process, and with --journal of the day',
      numberFrom(0),
    )
    .option('--journal <file>', 'file that keeps what was started: needed to survive a restart', text)
    .option('--allow <dir>', 'let tools read media below this directory; may be repeated', collect)
    .option('--out <dir>', 'directory of downloads (default: out)', text)
    .addHelpText('after', HELP)
    .addHelpText('after', example('mcp --max-cost 5 --journal kling.journal --allow images --out videos'))
    .action(async ({ maxCost, journal: path, allow = [], out = 'out' }) => {
      if (!hasKey()) await createClient();
      await checkDirectories(allow);
      const { serveVideos } = await import('../mcp/index.js');
      await serveVideos({
        createClient,
        journal: path === undefined ? memoryJournal() : fileJournal(path),
        maxCost,
        allow,
        directory: resolve(out),
        signal: interrupted,
        onReady: (left) => note(`Serving tools on stdio. $${left} of $${maxCost} may be spent.`),
      });
    });
}

async function checkDirectories(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const isDirectory = await stat(directory).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isDirectory) throw new CommandError(`--allow: ${directory} is not a directory.`, EXIT.usage);
  }
}
