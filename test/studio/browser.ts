/** A browser for the studio's tests: Chromium from npm where it runs, else the Chrome of this machine, else none. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Starts a browser, or returns why there is none. */
export async function launchBrowser(): Promise<Browser | string> {
  const failures: string[] = [];
  const attempts = [
    fromNpm,
    () => chromium.launch({ channel: 'chrome' }),
    () => chromium.launch(installed()),
  ];
  for (const attempt of attempts) {
    try {
      return await attempt();
    } catch (error) {
      failures.push(String(error).split('\n')[0] ?? '');
    }
  }
  return failures.join('; ');
}

async function fromNpm(): Promise<Browser> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('@sparticuz/chromium runs on Linux x64 only');
  }
  const { default: packed } = await import('@sparticuz/chromium');
  // Without its own flags: they draw with a software GPU, which takes seconds a picture on a small machine.
  return chromium.launch({
    executablePath: await packed.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--no-zygote', '--in-process-gpu'],
  });
}

function installed(): { executablePath: string } {
  const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const executablePath = known.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error('no Chrome or Chromium is installed');
  return { executablePath };
}
