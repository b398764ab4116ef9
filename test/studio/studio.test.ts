/** The studio from end to end: a real browser, its own server as a process, and the emulator. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { KLING_V4, models } from 'wavespeed-kling/schemas';
import { type Emulator, sampleVideo, startEmulator } from 'wavespeed-kling/testing';
import { buildStudio } from '../../examples/studio/start.mjs';
import { launchBrowser } from './browser.js';
import { startStudio, type Studio } from './studio.js';
import { hasStatus, idOf, image, make, makeButton, openStudio, taskOf, videoOf } from './support.js';

const found = await launchBrowser();
if (typeof found === 'string') {
  process.stderr.write(`The studio's tests are skipped: there is no browser. ${found}\n`);
}

describe.skipIf(typeof found === 'string')('the studio', () => {
  const browser = found as Browser;
  let server: string;
  let emulator: Emulator;
  let studio: Studio;

  /** Starts another studio, which ends with the test. */
  async function startAnother(environment: NodeJS.ProcessEnv): Promise<Studio> {
    const another = await startStudio(server, environment);
    onTestFinished(() => another.close());
    return another;
  }

  beforeAll(async () => {
    server = await buildStudio();
    emulator = await startEmulator({
      queueMs: 50,
      processingMs: 200,
      balance: 1000,
      apiKey: 'the-right-key',
    });
    const environment = { WAVESPEED_BASE_URL: emulator.url, WAVESPEED_API_KEY: emulator.apiKey };
    studio = await startStudio(server, environment);
  });

  afterAll(async () => {
    await browser?.close();
    await studio?.close();
    await emulator?.close();
  });

  beforeEach(() => emulator.clearFaults());

  const submits = () => emulator.requestCount({ operation: 'submit' });
  const last = () => {
    const task = emulator.account.tasks.at(-1);
    if (task === undefined) throw new Error('no task was submitted');
    return task;
  };
  /** Holds the next task in the middle, until the test ends it. */
  const holdNext = () =>
    emulator.fail({
      on: 'submit',
      kind: 'data',
      patch: (data) => {
        emulator.task((data as { id: string }).id).set({ status: 'processing' });
        return data;
      },
    });

  /** Loses the response of the next submit, in a history that does not show what was asked for. */
  const loseForGood = () => {
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
    const patch = (data: unknown): unknown =>
      JSON.parse(JSON.stringify(data, (name, value) => (/^inputs?$/.test(name) ? undefined : value)));
    for (const on of ['list', 'result'] as const) emulator.fail({ on, kind: 'data', times: Infinity, patch });
  };

  test('makes a video with two images, plays it where it was made, and shows the calls that make it again', async () => {
    const page = await openStudio(browser, studio.url, { reducedMotion: 'no-preference' });
    await page.getByLabel('Reference images').setInputFiles([image('front.jpg'), image('side.jpg')]);
    await page.getByLabel('Duration').fill('8');
    await page.getByLabel('Aspect ratio').selectOption('9:16');
    await page.getByLabel('Sound', { exact: true }).check();
    expect(await page.getByTestId('price').textContent()).toBe('$0.672');
    const task = await make(page, 'A fox’s red scarf in the wind');
    await hasStatus(task, 'completed');
    expect(await idOf(task)).toBe(last().id);
    expect(last().input).toMatchObject({ duration: 8, aspect_ratio: '9:16', sound: true });
    // In the order of the form, whichever was uploaded first.
    const urls = emulator.uploads.slice(-2).map(({ url }) => url);
    const inOrder = ['front.jpg', 'side.jpg'].map((name) => urls.find((url) => url.endsWith(name)));
    expect(last().input['images']).toEqual(inOrder);
    expect(await videoOf(task)).toEqual({ width: 144, height: 256, duration: 8 });
    await expect.poll(() => task.locator('video').evaluate((video) => video.currentTime)).toBeGreaterThan(0);

    const download = await page.request.get(
      new URL((await task.getByRole('link', { name: 'Download' }).getAttribute('href')) ?? '', studio.url)
        .href,
    );
    expect((await download.body()).subarray(4, 8).toString()).toBe('ftyp');
    await task.getByText('Code').click();
    await expect
      .poll(() => task.getByLabel('TypeScript', { exact: true }).textContent())
      .toContain("images: [pathToFileURL('front.jpg'), pathToFileURL('side.jpg')],");
    expect(await task.getByLabel('Command line', { exact: true }).textContent()).toBe(
      [
        'npx wavespeed-kling run o3-std',
        "-p 'A fox’s red scarf in the wind'",
        '--image front.jpg',
        '--image side.jpg',
        '--aspect-ratio 9:16',
        '--duration 8',
        '--sound',
        '-o out',
      ].join(' \\\n  '),
    );
    expect(emulator.keyLeaks).toEqual([]);

    await page.reload();
    await task.getByRole('button', { name: 'Use again' }).click();
    expect(await page.getByTestId('price').textContent()).toBe('$0.672');
    expect(await page.locator('#images-list li').count()).toBe(2);
    const first = last();
    await page.getByLabel('Prompt').fill('The same again');
    await makeButton(page).click();
    await hasStatus(taskOf(page, 'The same again'), 'completed');
    expect(last().input).toEqual({ ...first.input, prompt: 'The same again' });
  });

  test('shows every limit and the price as one types, and sends nothing that is bound to fail', async () => {
    const page = await openStudio(browser, studio.url);
    const before = emulator.requests.length;
    const issue = (field: string) => page.locator(`#${field}-issue`).textContent();
    const price = () => page.getByTestId('price').textContent();

    await page.getByLabel('Duration').fill('15');
    expect([await price(), await issue('duration')]).toEqual(['$1.26', '']);
    await page.getByLabel('Duration').fill('16');
    expect([await price(), await issue('duration')]).toEqual(['–', expect.stringContaining('from 3 to 15')]);
    await page.getByLabel('Model').selectOption({ label: 'Kling O1' });
    expect(await page.getByLabel('Sound', { exact: true }).count()).toBe(0);
    await page.getByLabel('Duration').fill('11');
    expect([await price(), await issue('duration')]).toEqual(['–', expect.stringContaining('from 3 to 10')]);
    await page.getByLabel('Duration').fill('10');
    expect([await price(), await issue('duration')]).toEqual(['$1.12', '']);

    const images = page.getByLabel('Reference images');
    for (let count = 0; count < 4; count += 1) {
      await images.setInputFiles([image('front.jpg'), image('side.jpg')]);
    }
    expect(await issue('images')).toContain('at most 7 images');
    await page.getByLabel('Remove side.jpg').first().click();
    expect(await issue('images')).toBe('');
    await page
      .getByLabel('Reference video')
      .setInputFiles({ name: 'clip.mp4', mimeType: 'video/mp4', buffer: Buffer.from('a clip') });
    expect([await price(), await issue('images')]).toEqual(['$1.68', expect.stringContaining('4')]);
    await page.getByLabel('Remove clip.mp4').click();
    expect([await price(), await issue('images')]).toEqual(['$1.12', '']);

    await images.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') });
    expect(await issue('images')).toContain('notes.txt: not an image the service takes');
    await page.getByLabel('Remove notes.txt').click();
    await images.setInputFiles(await largeFile('large.png', 20 * 1024 * 1024 + 1));
    expect(await issue('images')).toContain('expected at most 20 MB');
    await page.getByLabel('Remove large.png').click();

    await page.getByLabel('Prompt').fill('  ');
    await makeButton(page).click();
    expect(await issue('prompt')).not.toBe('');
    expect(await page.getByLabel('Prompt').evaluate((field) => field.matches(':focus'))).toBe(true);
    expect(
      emulator.requests
        .slice(before)
        .filter(({ operation }) => operation !== 'balance' && operation !== 'list'),
    ).toEqual([]);
  });

  test('offers every model with its own fields, and submits those of V4 as they were chosen', async () => {
    const page = await openStudio(browser, studio.url);
    const model = page.getByLabel('Model');
    const offered = await model.locator('option').allTextContents();
    expect(offered.toSorted()).toEqual(
      Object.values(models)
        .map(({ name }) => name)
        .toSorted(),
    );
    const ids = page.locator('#form .field :is(input, select, textarea)').and(page.locator('[id]'));
    for (const { id, fields } of Object.values(models)) {
      await model.selectOption(id);
      const shown = new Set(await ids.evaluateAll((elements) => elements.map((element) => element.id)));
      for (const other of ['model', 'budget', 'rehearsal']) shown.delete(other);
      expect(shown).toEqual(new Set(Object.keys(fields)));
    }

    await model.selectOption({ label: 'Kling V4' });
    const before = submits();
    const label = (name: string) => page.getByLabel(name, { exact: true });
    const clip = { name: 'clip.mp4', mimeType: 'video/mp4', buffer: Buffer.from(sampleVideo()) };
    const wav = Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0', 'latin1');
    await label('Reference images').setInputFiles([image('front.jpg'), image('side.jpg')]);
    await label('Reference videos').setInputFiles([clip]);
    await label('Reference audio files').setInputFiles([
      { name: 'voice.wav', mimeType: 'audio/wav', buffer: wav },
    ]);
    await label('Keep original sound').selectOption('yes');
    await label('Aspect ratio').selectOption('21:9');
    await label('Dynamic range').selectOption('hdr');
    expect(await page.locator('#dynamic_range-issue').textContent()).toContain('1080p');
    await label('Resolution').selectOption('4k');
    expect(await page.locator('#dynamic_range-issue').textContent()).toBe('');
    await label('Duration').fill('30');
    // The page prints no price of it: the service is asked, after the uploads.
    expect(await page.getByTestId('price').textContent()).toBe('?');
    await page.getByLabel('Prompt').fill('@Image3 dances');
    expect(await page.locator('#prompt-issue').textContent()).toContain('`images` has 2 files');
    const task = await make(page, '@Image1 meets @Image2 in @Video1');
    await hasStatus(task, 'completed');
    const urls = emulator.uploads.slice(-4).map(({ url }) => url);
    const { images, videos, audios, ...rest } = last().input as Record<string, string[]>;
    expect(rest).toEqual({
      prompt: '@Image1 meets @Image2 in @Video1',
      keep_original_sound: true,
      aspect_ratio: '21:9',
      resolution: '4k',
      dynamic_range: 'hdr',
      duration: 30,
    });
    expect([images?.length, videos?.length, audios?.length]).toEqual([2, 1, 1]);
    expect([...(images ?? []), ...(videos ?? []), ...(audios ?? [])].toSorted()).toEqual(urls.toSorted());
    expect([last().model, submits()]).toEqual([KLING_V4, before + 1]);
    // The emulator's made-up price, which the service is asked for and the budget counts.
    expect(await task.getByText('$6').count()).toBe(1);
    await task.getByText('Code').click();
    await expect
      .poll(() => task.getByLabel('Command line', { exact: true }).textContent())
      .toContain('--audio voice.wav \\\n  --keep-original-sound');
  });

  test('shows the server’s own issues beside the fields', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    // A page that was tampered with: the server does not take its word.
    await page.route('**/api/tasks', (route) => {
      const body = route.request().postDataJSON() as { input: object };
      return route.continue({
        postData: JSON.stringify({ ...body, input: { ...body.input, duration: 99 } }),
      });
    });
    await page.getByLabel('Prompt').fill('A tampered request');
    await makeButton(page).click();
    await page.locator('#duration-issue:not(:empty)').waitFor();
    expect(await page.locator('#duration-issue').textContent()).toContain('from 3 to 15');
    expect(submits()).toBe(before);
  });

  test('pays once for a double click, and for a click whose response was lost', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    await page.getByLabel('Prompt').fill('A double click');
    await makeButton(page).dblclick();
    await hasStatus(taskOf(page, 'A double click'), 'completed');
    expect(submits()).toBe(before + 1);

    await page.getByLabel('Prompt').fill('A lost response');
    let lost = 0;
    await page.route('**/api/tasks', async (route) => {
      if (lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      return route.abort();
    });
    await makeButton(page).click();
    await page.locator('#form-issue:not(:empty)').waitFor();
    await makeButton(page).click();
    await hasStatus(taskOf(page, 'A lost response'), 'completed');
    expect(submits()).toBe(before + 2);
    expect(await taskOf(page, 'A lost response').count()).toBe(1);
  });

  test('shows the same task after a reload in mid-task, and in a second tab', async () => {
    const page = await openStudio(browser, studio.url);
    holdNext();
    const task = await make(page, 'A reload in mid-task');
    const id = await idOf(task);
    await hasStatus(task, 'processing');
    await page.reload();
    const second = await page.context().newPage();
    await second.goto(studio.url);
    for (const tab of [page, second])
      await hasStatus(tab.locator(`article[data-task-id="${id}"]`), 'processing');
    emulator.task(id).complete();
    for (const tab of [page, second])
      await hasStatus(tab.locator(`article[data-task-id="${id}"]`), 'completed');
  });

  test('loses no task when its server is killed in mid-task, and pays for none twice', async () => {
    const page = await openStudio(browser, studio.url);
    holdNext();
    const task = await make(page, 'A restart in mid-task');
    const id = await idOf(task);
    const before = submits();
    await studio.restart('SIGKILL');
    emulator.task(id).complete();
    // The page comes back by itself.
    await hasStatus(task, 'completed');
    expect(await idOf(task)).toBe(id);
    expect(submits()).toBe(before);
    expect((await videoOf(task)).duration).toBe(5);
  });

  test('shows how a task ended while its server was away, also if the first look at the list fails', async () => {
    const page = await openStudio(browser, studio.url);
    holdNext();
    const task = await make(page, 'A lost list');
    const id = await idOf(task);
    await page.route('**/api/tasks?*', (route) => route.abort(), { times: 1 });
    await studio.restart('SIGKILL');
    emulator.task(id).complete();
    await hasStatus(task, 'completed');
  });

  test('shows why a task failed', async () => {
    const page = await openStudio(browser, studio.url);
    holdNext();
    const task = await make(page, 'A task that fails');
    emulator.task(await idOf(task)).fail('The content was flagged.');
    await hasStatus(task, 'failed');
    expect(await task.getByRole('alert').textContent()).toContain('The content was flagged');
  });

  test('finds the task of a lost response by itself, and pays once', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    emulator.fail({ on: 'submit', kind: 'reset', when: 'headers' });
    const task = await make(page, 'A lost response of the service');
    await hasStatus(task, 'completed');
    expect(await idOf(task)).toBe(last().id);
    expect(submits()).toBe(before + 1);
  });

  test('finds the task of a submit in whose middle the server was killed, and pays once', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    emulator.fail({ on: 'submit', kind: 'delay', ms: 60_000 });
    const task = await make(page, 'A kill in mid-submit');
    await expect.poll(submits).toBe(before + 1);
    await studio.restart('SIGKILL');
    await hasStatus(task, 'completed');
    expect(await idOf(task)).toBe(last().id);
    expect(submits()).toBe(before + 1);
  });

  test('shows the candidates of an unknown outcome, and takes the one that is chosen', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    loseForGood();
    const task = await make(page, 'An unknown outcome');
    await hasStatus(task, 'unknown');
    const candidate = task.getByRole('listitem').filter({ hasText: last().id });
    await candidate.getByRole('button', { name: 'It is this one' }).click();
    await hasStatus(task, 'completed');
    expect(await idOf(task)).toBe(last().id);
    expect(submits()).toBe(before + 1);
  });

  test('says that the key is wrong, and keeps what was typed', async () => {
    const another = await startAnother({
      WAVESPEED_BASE_URL: emulator.url,
      WAVESPEED_API_KEY: 'a-wrong-key',
    });
    const page = await openStudio(browser, another.url);
    expect(await page.locator('#banner').textContent()).toContain('The API key was rejected');
    const task = await make(page, 'A wrong key');
    await hasStatus(task, 'rejected');
    expect(await task.getByRole('alert').textContent()).toContain('The API key was rejected');
    expect(await task.getAttribute('data-task-id')).toBeNull();
    expect(await page.getByLabel('Prompt').inputValue()).toBe('A wrong key');
    expect(await page.content()).not.toContain('a-wrong-key');
  });

  test('runs 20 tasks at once', async () => {
    const page = await openStudio(browser, studio.url);
    const before = submits();
    for (let number = 1; number <= 20; number += 1) {
      await page.getByLabel('Prompt').fill(`Task ${number} of twenty`);
      await makeButton(page).click();
      await page.locator('#make:not([aria-busy])').waitFor();
    }
    const completed = page.locator('article[data-status="completed"]').filter({ hasText: 'of twenty' });
    await expect.poll(() => completed.count()).toBe(20);
    const ids = await completed.evaluateAll((articles) =>
      articles.map((article) => article.dataset['taskId']),
    );
    expect(new Set(ids).size).toBe(20);
    expect(submits()).toBe(before + 20);
  });

  test('can be used with the keyboard alone', async () => {
    const page = await openStudio(browser, studio.url);
    await page.getByLabel('Reference images').setInputFiles([image('front.jpg'), image('side.jpg')]);
    const focused = () =>
      page.locator(':focus').evaluate((element) => element.getAttribute('aria-label') ?? element.id);
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        if ((await focused()).startsWith(name)) return;
      }
      throw new Error(`Tab does not reach ${name}.`);
    };
    await tabTo('model');
    await page.keyboard.press('k');
    await tabTo('prompt');
    await page.keyboard.type('By keyboard alone');
    await tabTo('front.jpg, 1 of 2');
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toContain('front.jpg, 2 of 2');
    await page.keyboard.press('ArrowLeft');
    await tabTo('side.jpg, 2 of 2');
    await page.keyboard.press('Delete');
    expect(await focused()).toContain('front.jpg, 1 of 1');
    await tabTo('duration');
    await page.keyboard.press('ArrowUp');
    await tabTo('sound');
    await tabTo('make');
    await page.keyboard.press('Enter');
    await hasStatus(taskOf(page, 'By keyboard alone'), 'completed');
    expect(last().input).toMatchObject({ prompt: 'By keyboard alone', duration: 6 });
    expect(last().input['images']).toHaveLength(1);
  });

  test('pages, filters and deletes the history of the account', async () => {
    const own = await startEmulator({ queueMs: 50, processingMs: 200 });
    onTestFinished(() => own.close());
    for (let number = 1; number <= 14; number += 1) {
      own.addTask({
        input: { prompt: `Older ${number}.`, duration: 5, aspect_ratio: '16:9' },
        created_at: Date.now() - number * 3_600_000,
        ...(number === 13 && { status: 'failed', error: 'It was not to be.' }),
      });
    }
    const another = await startAnother({ WAVESPEED_BASE_URL: own.url });
    const page = await openStudio(browser, another.url);
    const articles = page.getByRole('article');
    expect(await articles.count()).toBe(12);
    await page.getByRole('button', { name: 'Older' }).click();
    await taskOf(page, 'Older 14.').waitFor();
    expect(await articles.count()).toBe(2);
    await page.getByLabel('Show').selectOption('failed');
    await expect.poll(() => articles.count()).toBe(1);
    const failed = taskOf(page, 'It was not to be');
    await failed.getByRole('button', { name: 'Delete' }).click();
    await failed.getByRole('button', { name: 'Really delete?' }).click();
    await failed.waitFor({ state: 'detached' });
    await page.getByLabel('Show').selectOption('');
    await taskOf(page, 'Older 1.').waitFor();
    expect(own.requestCount({ operation: 'delete' })).toBe(1);
    await taskOf(page, 'Older 1.').getByRole('button', { name: 'Load the video' }).click();
    expect((await videoOf(taskOf(page, 'Older 1.'))).width).toBe(256);
  });

  test('asks before it spends, and spends no more than the budget', async () => {
    const another = await startAnother({
      WAVESPEED_BASE_URL: emulator.url,
      WAVESPEED_API_KEY: emulator.apiKey,
      STUDIO_CONFIRM: '1',
    });
    const page = await openStudio(browser, another.url);
    const before = submits();
    await page.getByLabel('Prompt').fill('A confirmed cost');
    await makeButton(page).click();
    const dialog = page.getByRole('dialog', { name: 'Spend $0.42?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(submits()).toBe(before);
    await makeButton(page).click();
    await dialog.getByRole('button', { name: 'Pay $0.42' }).click();
    await hasStatus(taskOf(page, 'A confirmed cost'), 'completed');
    expect(submits()).toBe(before + 1);

    // Only the service knows this price: asked for before it is paid.
    await page.getByLabel('Model').selectOption({ label: 'Kling O3 Pro' });
    emulator.fail({ on: 'price', kind: 'data', patch: { discounted_price: 0.77 } });
    await makeButton(page).click();
    await page.getByRole('dialog', { name: 'Spend $0.77?' }).getByRole('button', { name: 'Cancel' }).click();
    expect(submits()).toBe(before + 1);
    await page.getByLabel('Model').selectOption({ label: 'Kling O3 Standard' });

    await page.getByLabel('Session budget').fill('0.5');
    await page.getByLabel('Duration').fill('6');
    await makeButton(page).click();
    await dialog.or(page.getByRole('dialog')).getByRole('button', { name: /^Pay/ }).click();
    await page.locator('#form-issue:not(:empty)').waitFor();
    expect(await page.locator('#form-issue').textContent()).toContain('$0.504');
    expect(submits()).toBe(before + 1);
  });

  test('has nothing for axe to find, in light and in dark colours', async () => {
    // The policy forbids foreign scripts, and axe is one.
    const page = await openStudio(browser, studio.url, { bypassCSP: true });
    loseForGood();
    const unknown = await make(page, 'An unknown outcome to look at');
    holdNext();
    const failing = await make(page, 'A failed task to look at');
    emulator.task(await idOf(failing)).fail('It was not to be.');
    await hasStatus(failing, 'failed');
    const completed = await make(page, 'A completed task to look at');
    await hasStatus(completed, 'completed');
    await completed.getByText('Code').click();
    await page.getByLabel('Reference images').setInputFiles([image('front.jpg'), image('side.jpg')]);
    await page.getByLabel('Duration').fill('99');
    await hasStatus(unknown, 'unknown');
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
        'axe.run()',
      );
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      expect(found).toEqual([]);
    }
  });

  test('fits a phone and a desk, moves nothing that is calm, and weighs little', async () => {
    const page = await openStudio(browser, studio.url);
    const isWide = () => page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
    const columns = () =>
      page.evaluate<number>(
        "getComputedStyle(document.querySelector('main')).gridTemplateColumns.split(' ').length",
      );
    expect([await isWide(), await columns()]).toEqual([false, 2]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect([await isWide(), await columns()]).toEqual([false, 1]);
    expect(await page.evaluate<number>('document.getAnimations().length')).toBe(0);
    const bytes = await page.evaluate<number[]>(
      `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(({ name }) => !name.includes('/api/') && !name.includes('/videos/'))
        .map(({ transferSize }) => transferSize)`,
    );
    expect(bytes.length).toBeGreaterThan(3);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
  });

  test('answers only its own page, and reads no file that is too large', async () => {
    const { request } = await browser.newContext();
    const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
      request.fetch(`${studio.url}${path}`, { method, headers, ...(method === 'GET' ? {} : { data: 'x' }) });
    expect((await ask('/', { host: 'evil.example' })).status()).toBe(403);
    expect((await ask('/api/tasks', { origin: 'https://evil.example' }, 'POST')).status()).toBe(403);
    expect((await ask('/api/tasks', { 'sec-fetch-site': 'cross-site' })).status()).toBe(403);
    expect((await ask('/videos/..%2f..%2fjournal', {})).status()).toBe(404);
    const session = await ask('/api/session', {});
    expect(await session.text()).not.toContain(emulator.apiKey);
    const page = await ask('/', {});
    expect(page.headers()['content-security-policy']).toMatch(/default-src 'none'; script-src 'self';/);
    const { status } = await declareLargeFile(studio.url);
    expect(status).toBe(413);
  });
});

/** Makes a file that takes no place on the disk. */
async function largeFile(name: string, size: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'studio-large-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, name);
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  return path;
}

/** Declares 21 MB, and sends a byte of it: the server says no without the rest. */
async function declareLargeFile(url: string): Promise<{ status: number }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/files?name=large.png`, {
      method: 'PUT',
      headers: { 'content-length': String(21 * 1024 * 1024) },
    });
    sent.on('response', (response) => {
      resolve({ status: response.statusCode ?? 0 });
      sent.destroy();
    });
    sent.on('error', reject);
    sent.write('x');
  });
}
