/** What a person does with the keys whose history cannot tell. */
import { KLING_O3_STD, WaveSpeedKling } from '../../src/index.js';
import type { Emulator } from '../../src/testing/index.js';
import type { ChaosOptions, ChaosStore } from './chaos-store.js';
import { keyOf, promptOf, TIMES } from './settings.js';

/** Returns the tasks of all keys. */
export async function settleByHand(
  store: ChaosStore,
  emulator: Emulator,
  options: ChaosOptions,
  open: ReadonlySet<string>,
): Promise<Set<string>> {
  const journal = store.open();
  const kling = new WaveSpeedKling({
    apiKey: 'chaos-key',
    baseUrl: emulator.url,
    journal,
    pollIntervalMs: 10,
    ...TIMES,
  });
  const claimed = new Set<string>();
  const readClaims = async () => {
    for await (const { entry } of journal.entries()) {
      if ('predictionId' in entry) claimed.add(entry.predictionId);
    }
  };
  for (const key of open) {
    await readClaims();
    const prompt = promptOf(Number(key.slice(keyOf(0).length - 1)), options);
    const task = emulator.account.tasks.find(
      ({ id, input }) => !claimed.has(id) && (input as { prompt?: string }).prompt === prompt,
    );
    await kling.resolve(key, task?.id ?? null, { force: true });
    await kling.run(KLING_O3_STD, { prompt }, { idempotencyKey: key });
  }
  await readClaims();
  await kling.close();
  await journal.close?.();
  return claimed;
}
