/** What the studio's tests share: one browser, one emulator, and the steps a person takes. */
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

export const image = (name: string) =>
  fileURLToPath(new URL(`../../examples/images/${name}`, import.meta.url));

/** Time limit of one expectation in the page, in milliseconds: a limit, not a delay. */
const PATIENCE_MS = 120_000;

/** Opens the studio in a context of its own; whatever goes wrong in the page fails the test. */
export async function openStudio(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 1000 },
    // What moves takes most of the time of a browser that draws without a GPU.
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors = collectErrors(page);
  onTestFinished(async () => {
    await context.close();
    expect(errors).toEqual([]);
  });
  await page.goto(url);
  // The list has been read.
  await page.locator('#list article, #empty:not([hidden]), #history-problem:not([hidden])').first().waitFor();
  return page;
}

/** Collects errors of scripts and violations of the Content-Security-Policy. */
export function collectErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    // A response that is an error is what some tests are about.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      errors.push(message.text());
    }
  });
  return errors;
}

export const makeButton = (page: Page) => page.getByRole('button', { name: 'Make video' });

/** Finds the article of a task by its prompt. */
export const taskOf = (page: Page, prompt: string): Locator =>
  page.getByRole('article').filter({ hasText: prompt });

/** Fills in a prompt, and makes a video of it. */
export async function make(page: Page, prompt: string): Promise<Locator> {
  await page.getByLabel('Prompt').fill(prompt);
  await makeButton(page).click();
  const task = taskOf(page, prompt);
  await task.waitFor();
  return task;
}

/** Values of an attribute in the articles of a task: for a moment, a task that was found again stands in two. */
const valuesOf = (task: Locator, attribute: string) =>
  task.evaluateAll((articles, name) => articles.map((article) => article.getAttribute(name)), attribute);

/** Waits until a task stands in one article, with this status. */
export async function hasStatus(task: Locator, status: string): Promise<void> {
  await expect.poll(() => valuesOf(task, 'data-status')).toEqual([status]);
}

/** Waits until a task has an id of the service, and returns it. */
export async function idOf(task: Locator): Promise<string> {
  await expect.poll(() => valuesOf(task, 'data-task-id')).toEqual([expect.any(String)]);
  return (await task.getAttribute('data-task-id')) ?? '';
}

/** Waits until the video of a task can be seen, and returns its size and length. */
export async function videoOf(task: Locator): Promise<{ width: number; height: number; duration: number }> {
  const video = task.locator('.stage video');
  await video.waitFor();
  return video.evaluate(
    (element) =>
      new Promise((resolve, reject) => {
        const look = () =>
          resolve({ width: element.videoWidth, height: element.videoHeight, duration: element.duration });
        element.preload = 'auto';
        element.addEventListener('error', () => reject(new Error(element.error?.message)));
        if (element.readyState >= 2) look();
        else element.addEventListener('loadeddata', look);
      }),
  );
}
