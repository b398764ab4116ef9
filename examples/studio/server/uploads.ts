/** Uploads a task's reference files to the service, with their progress. */
import { stat } from 'node:fs/promises';
import type { WaveSpeedKling } from 'wavespeed-kling';
import { referencesOf } from '../shared/references.js';
import type { UploadView } from '../shared/types.js';
import type { ReferenceFiles } from './files.js';
import type { StudioTask } from './store.js';

/** Shortest time between two reports of progress, in milliseconds. */
const REPORT_MS = 80;

export class Uploads {
  readonly #kling: WaveSpeedKling;
  readonly #files: ReferenceFiles;
  readonly #progress = new Map<string, UploadView[]>();

  constructor(kling: WaveSpeedKling, files: ReferenceFiles) {
    this.#kling = kling;
    this.#files = files;
  }

  /** Returns how far the uploads of a task are; undefined where none is under way. */
  of(key: string): UploadView[] | undefined {
    return this.#progress.get(key);
  }

  /** Uploads every file of a task. The client remembers their URLs: `run` does not upload them again. */
  async upload(task: StudioTask, signal: AbortSignal, onProgress: () => void): Promise<void> {
    const references = referencesOf(task.input).flatMap(({ reference }) =>
      'file' in reference ? [reference] : [],
    );
    if (references.length === 0) return;
    let reportedAt = 0;
    const report = () => {
      if (performance.now() - reportedAt < REPORT_MS) return;
      reportedAt = performance.now();
      onProgress();
    };
    const views: UploadView[] = references.map(({ name }) => ({ name, loaded: 0, total: 0 }));
    this.#progress.set(task.key, views);
    try {
      await Promise.all(
        references.map(async ({ file }, index) => {
          const path = this.#files.path(file);
          const view = views[index] as UploadView;
          view.total = (await stat(path)).size;
          await this.#kling.upload(path, {
            signal,
            onProgress: ({ loaded }) => {
              view.loaded = loaded;
              report();
            },
          });
        }),
      );
    } finally {
      this.#progress.delete(task.key);
    }
    onProgress();
  }
}
