#!/usr/bin/env node
/** The command `wavespeed-kling`: prints its version immediately, and loads the rest only when needed. */
import { VERSION } from '../core/version.js';

const [flag, ...others] = process.argv.slice(2);
if ((flag === '--version' || flag === '-V') && others.length === 0) {
  process.stdout.write(`${VERSION}\n`);
} else {
  // From Node 22.1, keeps the compiled code for the next run; where it cannot be kept, nothing happens.
  const { enableCompileCache } = process.getBuiltinModule('node:module') as {
    enableCompileCache?: () => unknown;
  };
  enableCompileCache?.();
  const { main } = await import('./program.js');
  await main(process.argv, VERSION);
}
