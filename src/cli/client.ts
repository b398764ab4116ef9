/** Creates the client for all commands, with the key and the proxy of the environment. The library is loaded only then. */
import type { WaveSpeedKling, WaveSpeedKlingOptions } from '../index.js';
import { CommandError, EXIT } from './exit-codes.js';

export function proxyFromEnvironment(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const http = env.http_proxy || env.HTTP_PROXY || undefined;
  if (/^http:/i.test(env.WAVESPEED_BASE_URL ?? '')) return http;
  return env.https_proxy || env.HTTPS_PROXY || http;
}

export function hasKey(): boolean {
  return (process.env.WAVESPEED_API_KEY ?? '').trim() !== '';
}

export async function createClient(options: WaveSpeedKlingOptions = {}): Promise<WaveSpeedKling> {
  if (!hasKey()) {
    throw new CommandError(
      'No API key: set the environment variable WAVESPEED_API_KEY (keys are made at https://wavespeed.ai/accesskey).',
      EXIT.account,
    );
  }
  const { ConfigurationError, WaveSpeedKling: Client } = await import('../index.js');
  const all: WaveSpeedKlingOptions = { clientName: 'wavespeed-kling-cli', ...options };
  if (all.fetch === undefined && proxyFromEnvironment() !== undefined) {
    const { EnvHttpProxyAgent } = await import('undici');
    all.dispatcher = new EnvHttpProxyAgent();
  }
  try {
    return new Client(all);
  } catch (error) {
    if (error instanceof ConfigurationError && error.message.startsWith('`apiKey`')) {
      const message = error.message
        .replace('`apiKey`: the API key', 'WAVESPEED_API_KEY')
        .replace(/ in the option .*$/, '.');
      throw new CommandError(message, EXIT.account);
    }
    throw error;
  }
}
