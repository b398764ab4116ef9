/** The tasks of this studio, one JSON file each: written before anything is submitted, read again after a restart. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelId, Prediction } from 'wavespeed-kling';
import type { Problem, StudioInput } from '../shared/types.js';

/** One click on "Make video", and what became of it. */
export interface StudioTask {
  /** The idempotency key of the click. */
  key: string;
  model: ModelId;
  input: StudioInput;
  /** In US dollars. */
  cost: number;
  createdAt: string;
  endedAt?: string;
  /** `open`: to be followed. The others as in `TaskView`. */
  state: 'open' | 'ended' | 'rejected' | 'unknown' | 'paused';
  /** The service's id, once it is known. */
  id?: string;
  /** The task as last seen. */
  prediction?: Prediction;
  problem?: Problem;
}

export class TaskStore {
  readonly #directory: string;
  readonly #tasks = new Map<string, StudioTask>();
  readonly #writes = new Map<string, Promise<void>>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<TaskStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const store = new TaskStore(directory);
    for (const name of (await readdir(directory)).filter((one) => one.endsWith('.json'))) {
      const task = JSON.parse(await readFile(join(directory, name), 'utf8')) as StudioTask;
      store.#tasks.set(task.key, task);
    }
    return store;
  }

  all(): StudioTask[] {
    return [...this.#tasks.values()];
  }

  get(key: string): StudioTask | undefined {
    return this.#tasks.get(key);
  }

  byId(id: string): StudioTask | undefined {
    return this.all().find((task) => task.id === id);
  }

  /** Adds a task, or keeps what has changed in it; durable when it resolves. */
  async save(task: StudioTask): Promise<void> {
    this.#tasks.set(task.key, task);
    const file = this.#file(task.key);
    const text = JSON.stringify(task);
    // One after the other, so that the last state is the one that stays.
    const write = (this.#writes.get(task.key) ?? Promise.resolve()).then(async () => {
      const handle = await open(`${file}.part`, 'w', 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${file}.part`, file);
    });
    this.#writes.set(
      task.key,
      write.catch(() => undefined),
    );
    await write;
  }

  async remove(key: string): Promise<void> {
    this.#tasks.delete(key);
    await this.#writes.get(key);
    this.#writes.delete(key);
    await rm(this.#file(key), { force: true });
  }

  #file(key: string): string {
    return join(this.#directory, `${key}.json`);
  }
}
