/** One client for the server, made at the first request: a build needs no API key. */
import { WaveSpeedKling } from 'wavespeed-kling';

let client: WaveSpeedKling | undefined;

/** Reads WAVESPEED_API_KEY and WAVESPEED_BASE_URL. Give it a `journal` for keys that outlive the process. */
export function getClient(): WaveSpeedKling {
  return (client ??= new WaveSpeedKling({ maxCost: 2 }));
}
