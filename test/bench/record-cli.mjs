// Records a batch of the built command on the emulator, on a pseudo-terminal, as an animated SVG.
//   npm run record:cli   writes docs/cli.svg
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { startEmulator } from 'wavespeed-kling/testing';

const COLUMNS = 90;
const ROWS = 13;
const CELL = { width: 8.4, height: 18 };
/** How long the last frame stays, in seconds. */
const REST = 4;
/** The colours of the terminal's palette that the command uses. */
const COLORS = { 1: '#ff7b72', 2: '#7ee787', 3: '#e3b341', 6: '#76e3ea' };
const root = fileURLToPath(new URL('../..', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'wavespeed-kling-recording-'));
const lines = [
  { key: 'fox', model: 'o3-std', prompt: 'A fox in the snow', images: ['fox.jpg'], duration: 8 },
  { key: 'boat', model: 'o1', prompt: 'A paper boat in the rain', duration: 5 },
  { key: 'owl', model: 'o3-std', prompt: 'An owl at night', duration: 3 },
];
writeFileSync(join(directory, 'videos.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
copyFileSync(join(root, 'examples/images/front.jpg'), join(directory, 'fox.jpg'));
const emulator = await startEmulator({ queueMs: 700, processingMs: 1800 });
const screen = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });

/** @typedef {{ text: string, style: string }} Run */
/** @type {{ at: number, svg: string }[]} */
const frames = [];
const startedAt = performance.now();

/** @param {string} text */
const escapeXml = (text) =>
  text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(' ', '\u00A0');

/** Draws the screen's cells, runs of one style together. */
function draw() {
  const texts = [];
  for (let row = 0; row < ROWS; row++) {
    const line = screen.buffer.active.getLine(screen.buffer.active.baseY + row);
    /** @type {Run[]} */
    const runs = [];
    for (let column = 0; column < COLUMNS; column++) {
      const cell = line?.getCell(column);
      const color = cell?.isFgPalette() ? COLORS[/** @type {1} */ (cell.getFgColor())] : undefined;
      const style = [color && `fill="${color}"`, cell?.isDim() && 'opacity=".6"'].filter(Boolean).join(' ');
      const text = cell?.getChars() || ' ';
      const last = runs.at(-1);
      if (last?.style === style) last.text += text;
      else runs.push({ text, style });
    }
    const last = runs.at(-1);
    if (last?.style === '') last.text = last.text.trimEnd();
    const content = runs.map(({ text, style }) =>
      style === '' ? escapeXml(text) : `<tspan ${style}>${escapeXml(text)}</tspan>`,
    );
    if (content.join('') === '') continue;
    texts.push(`<text y="${(row + 1) * CELL.height}">${content.join('')}</text>`);
  }
  return texts.join('');
}

function capture() {
  const svg = draw();
  if (frames.at(-1)?.svg !== svg) frames.push({ at: (performance.now() - startedAt) / 1000, svg });
}

const args = 'batch videos.jsonl --journal videos.journal -o out';
const results = 'results.jsonl';
/** @param {string} text */
const type = (text) => new Promise((resolve) => screen.write(text, () => resolve(undefined)));
await type('\u001B[32m$\u001B[0m ');
for (const character of `npx wavespeed-kling ${args} > ${results}`) {
  await type(character);
  capture();
  await new Promise((resolve) => setTimeout(resolve, 25));
}
await type('\r\n');
const pty = spawn(
  '/bin/sh',
  ['-c', `exec "$0" "$1" ${args} > ${results}`, process.execPath, join(root, 'dist/cli.js')],
  {
    name: 'xterm-256color',
    cols: COLUMNS,
    rows: ROWS,
    cwd: directory,
    env: { PATH: process.env.PATH, WAVESPEED_BASE_URL: emulator.url, WAVESPEED_API_KEY: emulator.apiKey },
  },
);
pty.onData((data) => screen.write(data, capture));
await new Promise((resolve) => pty.onExit(() => screen.write('', () => resolve(undefined))));
capture();
await emulator.close();
rmSync(directory, { recursive: true, force: true });

const total = (frames.at(-1)?.at ?? 0) + REST;
const groups = frames.map(({ at, svg }, index) => {
  const begin = (at / total).toFixed(4);
  const end = ((frames[index + 1]?.at ?? total) / total).toFixed(4);
  const animation =
    index === frames.length - 1
      ? `<animate attributeName="visibility" values="hidden;visible" keyTimes="0;${begin}"`
      : `<animate attributeName="visibility" values="hidden;visible;hidden" keyTimes="0;${begin};${end}"`;
  // Where nothing is animated the last frame is shown.
  const hidden = index === frames.length - 1 ? '' : ' visibility="hidden"';
  return `<g${hidden}>${animation} calcMode="discrete" dur="${total.toFixed(2)}s" repeatCount="indefinite"/>${svg}</g>`;
});
const width = Math.ceil(COLUMNS * CELL.width) + 32;
const height = ROWS * CELL.height + 32;
writeFileSync(
  join(root, 'docs/cli.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="wavespeed-kling makes three videos in a terminal"><rect width="100%" height="100%" rx="8" fill="#0d1117"/><g transform="translate(16 10)" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3">${groups.join('')}</g></svg>\n`,
);
console.log(`docs/cli.svg: ${frames.length} frames, ${total.toFixed(1)} s`);
