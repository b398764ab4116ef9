/** Headers that every request to the API carries, whatever its body. */
import { VERSION } from '../core/version.js';

export function createClientHeaders(key: string, clientName: string): Record<string, string> {
  return {
    accept: 'application/json',
    authorization: `Bearer ${key}`,
    'user-agent': `wavespeed-kling/${VERSION}`,
    'x-client-name': clientName,
    'x-client-os': process.platform === 'win32' ? 'windows' : process.platform,
    'x-client-version': VERSION,
  };
}
