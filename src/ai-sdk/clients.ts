/** Clients known by a name, so that a model in a workflow's storage can name its client. */
import { checkObject, rejectOption } from '../core/validate-options.js';
import { WaveSpeedKling } from '../client.js';
import { ConfigurationError } from '../index.js';

const REGISTRY = Symbol.for('wavespeed-kling.clients');

/** Shared by all copies of this package in the process: a workflow's bundles hold copies of their own. */
function registry(): Map<string, WaveSpeedKling> {
  const store = globalThis as { [REGISTRY]?: Map<string, WaveSpeedKling> };
  return (store[REGISTRY] ??= new Map());
}

/** The name of the client that is made from the environment. */
const FROM_ENVIRONMENT = '';

/**
 * Gives a client a name, by which models of specification v4 find it again in each step of a workflow. Call it in every
 * process that runs steps, when the process starts. A later client of the same name replaces the earlier one.
 *
 * @throws {ConfigurationError} for an empty name, or a value that is not a client.
 * @example
 * registerClient('main', new WaveSpeedKling({ journal: sqlJournal(query, { dialect: 'postgres' }) }));
 */
export function registerClient(name: string, client: WaveSpeedKling): void {
  if (typeof name !== 'string' || name === '') rejectOption('name', name, 'a name, such as "main"');
  checkClient(client);
  registry().set(name, client);
}

/** @throws {ConfigurationError} for a name that is not registered in this process. */
export function findClient(name: string | undefined): WaveSpeedKling {
  const clients = registry();
  const known = clients.get(name ?? FROM_ENVIRONMENT);
  if (known !== undefined) return known;
  if (name !== undefined) {
    throw new ConfigurationError(
      `No client "${name}" in this process: call registerClient("${name}", client) of wavespeed-kling/ai-sdk when it starts.`,
    );
  }
  const client = new WaveSpeedKling();
  clients.set(FROM_ENVIRONMENT, client);
  return client;
}

/** Returns the name that a client was registered under. */
export function nameOfClient(client: WaveSpeedKling): string | undefined {
  return [...registry()].find(([, each]) => each === client)?.[0];
}

/** @throws {ConfigurationError} unless the value is a client, of any copy of this package. */
export function checkClient(client: unknown): asserts client is WaveSpeedKling {
  checkObject('client', client, 'new WaveSpeedKling()');
  if (typeof (client as Partial<WaveSpeedKling>).run !== 'function') {
    rejectOption('client', client, 'a WaveSpeedKling client');
  }
}
