/** Takes the README's screenshots and measures the page, when asked to: `STUDIO_SHOW=1 npx vitest run test/studio/show.test.ts`. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildStudio } from '../../examples/studio/start.mjs';
import { launchBrowser } from './browser.js';
import { startStudio, type Studio } from './studio.js';
import { hasStatus, image, make, makeButton, openStudio, videoOf } from './support.js';

const screenshots = fileURLToPath(new URL('../../examples/studio/screenshots/', import.meta.url));

describe.runIf(process.env['STUDIO_SHOW'] === '1')('the studio, to be shown', () => {
  let browser: Browser;
  let studio: Studio;

  beforeAll(async () => {
    const launched = await launchBrowser();
    if (typeof launched === 'string') throw new Error(launched);
    browser = launched;
    studio = await startStudio(await buildStudio(), {});
  });

  afterAll(async () => {
    await browser?.close();
    await studio?.close();
  });

  test('on a desk and on a phone, light and dark', async () => {
    await mkdir(screenshots, { recursive: true });
    const page = await openStudio(browser, studio.url, {
      viewport: { width: 1280, height: 860 },
      colorScheme: 'light',
      reducedMotion: 'no-preference',
    });
    await makeSome(page);
    const shoot = (name: string) => page.screenshot({ path: `${screenshots}${name}.png` });
    await shoot('desk-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await shoot('desk-dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.evaluate('scrollTo(0, 0)');
    await shoot('phone-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.locator('#tasks').evaluate((element) => element.scrollIntoView());
    await shoot('phone-light');
  });

  test('in numbers', async () => {
    const page = await openStudio(browser, studio.url, { reducedMotion: 'no-preference' });
    const paint = await page.evaluate(`({
      firstPaintMs: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      interactiveMs: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
      kilobytes: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(({ name }) => !name.includes('/api/') && !name.includes('/videos/'))
        .reduce((sum, { transferSize }) => sum + transferSize, 0) / 1000,
    })`);
    await page.evaluate(`globalThis.shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
        if (!entry.hadRecentInput) shift += entry.value;
      })).observe({ type: 'layout-shift', buffered: true });`);
    await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
    for (let number = 1; number <= 20; number += 1) {
      await page.getByLabel('Prompt').fill(`Task ${number} of twenty`);
      await makeButton(page).click();
      await page.locator('#make:not([aria-busy])').waitFor();
    }
    const completed = page.locator('article[data-status="completed"]').filter({ hasText: 'of twenty' });
    await expect.poll(() => completed.count()).toBe(20);
    const longTasks = findLongTasks(await browser.stopTracing());
    const shift = await page.evaluate('shift');
    process.stdout.write(`${JSON.stringify({ paint, shift, longTasks })}\n`);
  });
});

/** Fills the page: videos of every shape, one under way, and one that failed. */
async function makeSome(page: Page): Promise<void> {
  const images = page.getByLabel('Reference images');
  await page.getByLabel('Next submit').selectOption('fail');
  await hasStatus(await make(page, 'A clock tower made of glass melts in the sun'), 'failed');
  await images.setInputFiles([image('front.jpg'), image('side.jpg')]);
  await page.getByLabel('Aspect ratio').selectOption('1:1');
  const square = await make(page, 'The fox in the red scarf turns around and winks');
  await page.getByLabel('Aspect ratio').selectOption('16:9');
  await page.getByLabel('Duration').fill('8');
  await page.getByLabel('Sound', { exact: true }).check();
  const wide = await make(page, 'A paper boat drifts down a rainy street at night, neon in the puddles');
  for (const task of [square, wide]) await hasStatus(task, 'completed');
  for (const task of [square, wide]) await videoOf(task);
  await page.getByLabel('Aspect ratio').selectOption('9:16');
  await hasStatus(
    await make(page, 'The same fox, seen from the side, trots through fresh snow'),
    'processing',
  );
  await page.evaluate('scrollTo(0, 0); document.activeElement.blur()');
}

interface TraceEvent {
  name: string;
  ph: string;
  tid: number;
  pid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args: { name?: string };
}

/** Lists the page's tasks of more than 50 ms: by the clock, and by the processor's time, which a busy machine does not stretch. */
function findLongTasks(trace: Buffer): { wallMs: number; cpuMs: number; inside: string[] }[] {
  const { traceEvents: events } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const onMain = events.filter(({ pid, tid, ph }) => ph === 'X' && mains.has(`${pid} ${tid}`));
  const end = ({ ts, dur = 0 }: TraceEvent) => ts + dur;
  return onMain
    .filter(({ name, dur = 0 }) => name.endsWith('RunTask') && dur > 50_000)
    .map((task) => ({
      wallMs: Math.round((task.dur ?? 0) / 1000),
      cpuMs: Math.round((task.tdur ?? 0) / 1000),
      inside: onMain
        .filter((event) => event !== task && event.ts >= task.ts && end(event) <= end(task))
        .sort((one, other) => (other.tdur ?? 0) - (one.tdur ?? 0))
        .slice(0, 5)
        .map(({ name, tdur = 0 }) => `${name} ${Math.round(tdur / 1000)}`),
    }));
}
