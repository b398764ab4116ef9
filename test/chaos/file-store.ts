/** A journal file of a chaos run: what happens to it, and how another process comes to write to it. */
import { spawnSync } from 'node:child_process';
import { copyFile, link, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileJournal } from '../../src/index.js';
import type { ChaosStore, OtherWriter } from './chaos-store.js';
import type { ChaosProcess } from './chaos-process.js';
import { OUTDATED } from '../support/journal-file.js';

const NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
const MOUNT = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"'];
const canDo = ([command = '', ...args]: readonly string[]) => spawnSync(command, args).status === 0;

/** Ways in which two processes get at one file without seeing each other's lock. */
const WRITERS: readonly (OtherWriter & { isPossible: () => boolean })[] = [
  {
    name: 'another writer: PID namespace',
    isPossible: () => canDo([...NAMESPACE, 'true']),
    prepare: async (path) => ({ target: path, before: NAMESPACE }),
  },
  {
    name: 'another writer: hard link',
    isPossible: () => true,
    prepare: async (path) => {
      const target = join(dirname(path), 'link.jsonl');
      await rm(target, { force: true });
      await link(path, target);
      return { target, before: [] };
    },
  },
  {
    name: 'another writer: mounted file',
    isPossible: () =>
      canDo(['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$0"', import.meta.filename]),
    prepare: async (path) => {
      const target = join(dirname(path), 'mounted.jsonl');
      await writeFile(target, '');
      return { target, before: [...MOUNT, path, target] };
    },
  },
];

export async function createFileStore(path: string): Promise<ChaosStore> {
  await writeFile(path, OUTDATED);
  /** Undoes what happened to the file. */
  let undo: (() => Promise<void>) | undefined;
  const frozen = async (process: ChaosProcess, work: () => Promise<void>) => {
    process.freeze();
    await work();
    process.thaw();
  };
  const away = `${path}.away`;
  return {
    target: path,
    processes: 1,
    writers: WRITERS.filter(({ isPossible }) => isPossible()),
    leftOut: WRITERS.filter(({ isPossible }) => !isPossible()).map(({ name }) => name),
    harms: {
      'file: moved': async () => {
        await rename(path, away);
        undo = () => rename(away, path);
      },
      // Frozen meanwhile, so that the copy has all that was written.
      'file: replaced': (process) =>
        frozen(process, async () => {
          await copyFile(path, away);
          await rename(away, path);
        }),
      'file: cut': (process, random) =>
        frozen(process, async () => {
          const content = await readFile(path);
          await truncate(path, random.int(0, content.length - 1));
          undo = () => frozen(process, () => writeFile(path, content));
        }),
      'file: edited': (process, random) =>
        frozen(process, async () => {
          const content = await readFile(path);
          const edited = Buffer.from(content);
          edited.fill('x', random.int(0, content.length - 1));
          await writeFile(path, edited);
          // In its place: a line whose check was before the edit may have been appended since, and is of a task that was paid for.
          undo = () =>
            frozen(process, async () => {
              const file = await open(path, 'r+');
              await file.write(content, 0, content.length, 0);
              await file.close();
            });
        }),
    },
    isHarmed: () => undo !== undefined,
    repair: async () => {
      const now = undo;
      undo = undefined;
      await now?.();
    },
    open: () => fileJournal(path),
  };
}
