// Starts Electron, on Linux in a virtual display: it needs one, even without a window.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import electron from 'electron';

const command = [electron, '--no-sandbox', '.'];
if (process.platform === 'linux' && !process.env.DISPLAY) command.unshift('xvfb-run', '--auto-servernum');
const [program, ...args] = command;
const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
assert.equal(error, undefined);
assert.equal(status, 0);
