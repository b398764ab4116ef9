/** Where the service delivers webhooks: https, or this machine. */
import { isHttpUrl } from './validate.js';

export function isWebhookUrl(text: string): boolean {
  return isHttpUrl(text) && (new URL(text).protocol === 'https:' || isLoopback(text));
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
