/** Provides the secret of a receiver: given, or from a function whose result is cached. */
import { ConfigurationError, WebhookVerificationError } from '../core/errors/index.js';
import { checkSecret, type WebhookSecret } from './signature.js';
import { withTimeLimit } from './with-time-limit.js';

/** The secret of your API key, several of them during a rotation, or a function that returns it. */
export type WebhookSecretSource = WebhookSecret | (() => WebhookSecret | Promise<WebhookSecret>);

/** Anybody can send a wrong signature: it must not make the receiver call the service each time. */
const MAX_RELOADS_PER_MINUTE = 5;

export interface SecretSource {
  /** Calls `verify` with the keys, and once more with new ones if no signature matches and the secret comes from a function. */
  verifyWith: <T>(verify: (keys: readonly string[]) => Promise<T>) => Promise<T>;
}

export function createSecretSource(secret: WebhookSecretSource): SecretSource {
  if (typeof secret !== 'function') {
    const keys = checkSecret(secret);
    return { verifyWith: (verify) => verify(keys) };
  }
  let cached: Promise<string[]> | undefined;
  const load = () => {
    const loading = withTimeLimit('secret', secret).then(checkSecret, (cause: unknown) => {
      throw new ConfigurationError('The `secret` function failed; see the cause.', { cause });
    });
    cached = loading;
    // A failure is not cached.
    loading.catch(() => {
      if (cached === loading) cached = undefined;
    });
    return loading;
  };
  let reloads: number[] = [];
  const mayReload = () => {
    const now = Date.now();
    reloads = reloads.filter((at) => now - at < 60_000);
    return reloads.length < MAX_RELOADS_PER_MINUTE && reloads.push(now) > 0;
  };
  return {
    async verifyWith(verify) {
      const used = cached ?? load();
      try {
        return await verify(await used);
      } catch (error) {
        const isMismatch = error instanceof WebhookVerificationError && error.reason === 'signature_mismatch';
        if (!isMismatch) throw error;
        // Another delivery may have loaded it since.
        if (cached === used && !mayReload()) throw error;
        return verify(await (cached === used ? load() : (cached ?? load())));
      }
    },
  };
}
