#!/usr/bin/env node
/** The command `wavespeed-kling`: prints its version at once, and loads the rest for everything else. */
import packageJson from '../../package.json' with { type: 'json' };

const { version } = packageJson;
const [flag, ...others] = process.argv.slice(2);
if ((flag === '--version' || flag === '-V') && others.length === 0) {
  process.stdout.write(`${version}\n`);
} else {
  const { main } = await import('./program.js');
  await main(process.argv, version);
}
