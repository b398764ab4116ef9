/** Files that are there already, on file systems that ignore case or list names in another normal form. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { FileNames, findFiles, renameFiles } from '../../src/cli/file-names.js';
import { onCleanup } from '../support/cleanup.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'file-names-'));
  onCleanup(() => rmSync(directory, { recursive: true }));
});
const write = (name: string, text = '') => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

describe('a downloaded file', () => {
  test('is not renamed over one whose name differs in case alone', async () => {
    write('FOX.mp4', 'another');
    const downloaded = write('task-1.mp4', 'the video');
    expect(await renameFiles([downloaded], ['fox'])).toEqual([downloaded]);
    expect(readFileSync(join(directory, 'FOX.mp4'), 'utf8')).toBe('another');
  });

  test('is renamed where only its own name differs in case', async () => {
    expect(await renameFiles([write('TASK.mp4')], ['task'])).toEqual([join(directory, 'task.mp4')]);
    expect(readdirSync(directory)).toEqual(['task.mp4']);
  });

  test('is found again where the system decomposed its name', async () => {
    const decomposed = write('cafe\u0301.mp4');
    expect(await findFiles(directory, ['caf\u00e9'])).toEqual([decomposed]);
  });
});

test('a name that is there in another case or normal form is refused before the batch', async () => {
  mkdirSync(join(directory, 'CAFE\u0301'));
  const row = { key: 'caf\u00e9', line: 1, isKnown: false };
  await expect(new FileNames(undefined).check([row], directory)).rejects.toThrow('already');
});
