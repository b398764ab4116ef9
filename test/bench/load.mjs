// Measures what it costs to load a module, in a process that has loaded only what reports it. Usage: load.mjs <name or file>
import { report } from './report.mjs';

const [name = ''] = process.argv.slice(2);
const before = process.cpuUsage();
await import(name);
const { user, system } = process.cpuUsage(before);
report({ loadMs: (user + system) / 1000 });
