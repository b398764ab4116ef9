// Loaded before a measured program: reports on descriptor 3 what its process has used, as it exits.
const { readFileSync, writeSync } = require('node:fs');

const startedAt = performance.now();
process.once('exit', () => {
  const { user, system } = process.cpuUsage();
  const usage = {
    userMs: user / 1000,
    systemMs: system / 1000,
    cpuMs: (user + system) / 1000,
    wallMs: performance.now() - startedAt,
    peakMb: getPeakKb() / 1024,
  };
  writeSync(3, `${JSON.stringify(usage)}\n`);
});

/** The kernel's count of this program; getrusage counts the memory of the program that started it, where that had more. */
function getPeakKb() {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
